/* A block of a deflate stream that has literals only [RFC 1951, 3.2.7]. Twin: _block in wordlist/deflate.py. */
#include "kernels.h"

typedef struct {
    uint8_t *out; /* zeros from bit `at` on */
    Py_ssize_t at;
} Bits;

static void put(Bits *bits, uint32_t value, int width)
{
    uint8_t *out = bits->out + bits->at / 8;
    value <<= bits->at % 8;
    out[0] |= (uint8_t)value;
    out[1] |= (uint8_t)(value >> 8);
    out[2] |= (uint8_t)(value >> 16);
    bits->at += width;
}

/* Code lengths as symbols from 0 to 18; `extra` holds the number that follows each. Returns how many. */
static int run_lengths(const uint8_t *lengths, int n, uint8_t *symbols, uint8_t *extra)
{
    int n_symbols = 0;
    for (int start = 0, end; start < n; start = end) {
        uint8_t length = lengths[start];
        for (end = start; end < n && lengths[end] == length; end++)
            ;
        for (int left = end - start, first = length != 0; left; n_symbols++, first = 0) {
            int most = length ? 6 : 138, step = first || left < 3 ? 1 : left < most ? left : most;
            symbols[n_symbols] = step < 3 ? length : length ? 16 : step < 11 ? 17 : 18;
            extra[n_symbols] = (uint8_t)(step < 3 ? 0 : step < 11 ? step - 3 : step - 11);
            left -= step;
        }
    }
    return n_symbols;
}

static void put_header(Bits *bits, const uint8_t *lengths, int is_final)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    static const uint8_t extra_bits[19] = {[16] = 2, [17] = 3, [18] = 7};
    uint8_t symbols[MOST_SYMBOLS + 1], extra[MOST_SYMBOLS + 1], widths[19];
    uint16_t codes[19];
    uint32_t counts[19] = {0};
    int n = run_lengths(lengths, MOST_SYMBOLS + 1, symbols, extra), n_widths = 19;
    for (int i = 0; i < n; i++)
        counts[symbols[i]]++;
    huffman(counts, 19, 7, widths, codes);
    while (n_widths > 4 && widths[order[n_widths - 1]] == 0)
        n_widths--;
    put(bits, (uint32_t)is_final, 1);
    put(bits, 2, 2);
    put(bits, MOST_SYMBOLS - 257, 5);
    put(bits, 0, 5); /* one code for distances, of no bits */
    put(bits, (uint32_t)n_widths - 4, 4);
    for (int i = 0; i < n_widths; i++)
        put(bits, widths[order[i]], 3);
    for (int i = 0; i < n; i++) {
        put(bits, codes[symbols[i]], widths[symbols[i]]);
        put(bits, extra[i], extra_bits[symbols[i]]);
    }
}

/* literals(run, out, (at, is_final)): the bit after the block, which begins at bit `at` of `out`. */
PyObject *literals(PyObject *self, PyObject *args)
{
    Py_buffer b[2];
    uint32_t counts[MOST_SYMBOLS] = {[256] = 1};
    uint8_t lengths[MOST_SYMBOLS + 1] = {0};
    uint16_t codes[MOST_SYMBOLS];
    Py_ssize_t at, is_final;
    if (!PyArg_ParseTuple(args, "y*w*(nn)", b, b + 1, &at, &is_final))
        return NULL;
    const uint8_t *run = b[0].buf;
    int good = in_range(at, 0, PY_SSIZE_T_MAX / 4) && in_range(b[0].len, 0, UINT32_MAX / 2)
               && in_range(b[1].len, at / 8 + 2 * b[0].len + MOST_HEADER, PY_SSIZE_T_MAX);
    Bits bits = {b[1].buf, at};
    for (Py_ssize_t i = 0; good && i < b[0].len; i++)
        counts[run[i]]++;
    huffman(counts, MOST_SYMBOLS, 15, lengths, codes);
    if (good) {
        put_header(&bits, lengths, is_final != 0);
        for (Py_ssize_t i = 0; i < b[0].len; i++)
            put(&bits, codes[run[i]], lengths[run[i]]);
        put(&bits, codes[256], lengths[256]);
    }
    PyObject *done = release(b, 2, good);
    Py_XDECREF(done);
    return done ? PyLong_FromSsize_t(bits.at) : NULL;
}
