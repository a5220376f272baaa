/* Huffman codes [Huffman 1952] as deflate has them. Twins: code_lengths and _codes in wordlist/deflate.py. */
#include "kernels.h"

/* Set the depth of each symbol in the tree, 0 where it does not occur; return the largest. Nodes are taken in the order
   of their counts: first the symbols, ascending, then the inner nodes in the order in which they are made. */
static int depths_of(const uint32_t *counts, int n, uint8_t *depths)
{
    int symbols[MOST_SYMBOLS], parents[2 * MOST_SYMBOLS], depth[2 * MOST_SYMBOLS], n_symbols = 0, deepest = 0;
    uint32_t sums[2 * MOST_SYMBOLS];
    for (int symbol = 0; symbol < n; symbol++) {
        depths[symbol] = 0;
        if (counts[symbol] == 0)
            continue;
        int place = n_symbols++;
        for (; place && sums[place - 1] > counts[symbol]; place--) {
            sums[place] = sums[place - 1];
            symbols[place] = symbols[place - 1];
        }
        sums[place] = counts[symbol];
        symbols[place] = symbol;
    }
    int leaf = 0, inner = n_symbols, n_nodes = n_symbols;
    for (; n_nodes < 2 * n_symbols - 1; n_nodes++) {
        sums[n_nodes] = 0;
        for (int child = 0; child < 2; child++) {
            int takes_leaf = leaf < n_symbols && (inner == n_nodes || sums[leaf] <= sums[inner]);
            int node = takes_leaf ? leaf++ : inner++;
            sums[n_nodes] += sums[node];
            parents[node] = n_nodes;
        }
    }
    depth[n_nodes - 1] = n_symbols == 1; /* the root; a symbol that is alone gets one bit */
    for (int node = n_nodes - 2; node >= 0; node--)
        depth[node] = depth[parents[node]] + 1;
    for (int node = 0; node < n_symbols; node++) {
        deepest = depth[node] > deepest ? depth[node] : deepest;
        depths[symbols[node]] = (uint8_t)depth[node];
    }
    return deepest;
}

void huffman(uint32_t *counts, int n, int limit, uint8_t *lengths, uint16_t *codes)
{
    uint32_t next = 0;
    while (depths_of(counts, n, lengths) > limit)
        for (int symbol = 0; symbol < n; symbol++)
            counts[symbol] = (counts[symbol] + 1) / 2;
    for (int length = 1; length <= limit; length++, next <<= 1)
        for (int symbol = 0; symbol < n; symbol++)
            if (lengths[symbol] == length) {
                codes[symbol] = 0;
                for (int bit = 0; bit < length; bit++)
                    codes[symbol] |= (uint16_t)((next >> bit & 1) << (length - 1 - bit));
                next++;
            }
}
