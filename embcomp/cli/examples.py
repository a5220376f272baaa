"""Examples of each command, as its help shows them. The tests run all of them, in this order, in one folder."""

EXAMPLES = {
    "sample": ("embcomp sample -o glove.txt",),
    "compress": (
        "embcomp compress glove.txt",
        "embcomp compress glove.txt -o small.embc --bits 50",
        "embcomp compress glove.txt -o tiny.embc --method transform --limit 5000",
    ),
    "fit": ("embcomp fit glove.txt --pieces 2 -o glove.embm",),
    "encode": (
        "embcomp encode glove.txt --piece 1/2 --model glove.embm -o parts",
        "embcomp encode glove.txt --piece 2/2 --model glove.embm -o parts",
    ),
    "merge": ("embcomp merge parts -o merged.embc",),
    "compact": (
        "embcomp compress glove.txt -o glove.embcs --pieces 2 --shards 4",
        "embcomp compact glove.embcs --shards 2",
    ),
    "decompress": ("embcomp decompress glove.embc -o vectors.txt.gz",),
    "convert": (
        "embcomp convert glove.txt -o glove.bin",
        "embcomp convert glove.txt -o units.npy --unit-rows --limit 1000",
    ),
    "info": ("embcomp info glove.embc", "embcomp info --recipe small.embc"),
    "verify": ("embcomp verify glove.embc small.embc",),
    "vector": ("embcomp vector glove.embc king queen", "embcomp vector glove.embc king --jsonl"),
    "similar": (
        "embcomp similar glove.embc monday -k 3",
        "embcomp similar glove.txt monday -k 3",
        "embcomp similar glove.embc monday friday --tsv",
    ),
    "analogy": ("embcomp analogy glove.embc france french germany",),
    "codes": (
        "embcomp compress glove.txt -o kd.embc --method kd --dims 4 --ways 16 --fit-rows 1000",
        "embcomp codes kd.embc king",
    ),
    "add": (
        "embcomp compress glove.txt -o first.embc --limit 8000",
        "embcomp add first.embc glove.txt -o all.embc",
    ),
    "eval": ("embcomp eval glove.embc --baseline glove.txt --suite similarity",),
    "diff": ("embcomp diff glove.txt glove.embc --suite similarity -n 3",),
    "compare": ("embcomp compare glove.txt --methods sign,iiq --suite similarity --html report.html",),
    "embed": ("embcomp embed glove.embc 'a small file' 'the tiny document'",),
    "page": ("embcomp page glove.embc -o glove.html",),
    "methods": ("embcomp methods", "embcomp methods iiq"),
}
"""Command lines by command."""
