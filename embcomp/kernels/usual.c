/* Decimal numbers as most are written: a digit, a point, and 1 to 15 digits; others are for decimal.c. */
#include "kernels.h"
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && __FLT_EVAL_METHOD__ == 0

#define EACH UINT64_C(0x0101010101010101)
#define PAIRS UINT64_C(0xff000000ff)

static const double powers[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* How many digits, 0 to 8, these bytes begin with. */
static int count_digits(uint64_t bytes)
{
    bytes ^= '0' * EACH;
    uint64_t others = ((bytes + (0x80 - 10) * EACH) | bytes) & 0x80 * EACH;
    return others ? __builtin_ctzll(others) / 8 : 8;
}

/* The number that the first n of 8 digits are, n > 0: neighbours are added up, then neighbours of those. There is no
   loop, whose end would be hard to foresee. */
static uint64_t value_of(uint64_t bytes, int n)
{
    bytes = (bytes ^ '0' * EACH) << (64 - 8 * n);
    bytes = 10 * bytes + (bytes >> 8);
    return ((bytes & PAIRS) * (100 + (UINT64_C(1000000) << 32)) + (bytes >> 16 & PAIRS) * (1 + (UINT64_C(10000) << 32)))
           >> 32;
}

const char *parse_usual(const char *at, const char *stop, float *number)
{
    uint64_t bytes, value;
    if (stop - at < 18 || (value = (uint64_t)(*at - '0')) > 9 || at[1] != '.')
        return NULL;
    memcpy(&bytes, at + 2, 8);
    int n = count_digits(bytes), more = 0;
    if (n == 0)
        return NULL;
    value = value * (uint64_t)powers[n] + value_of(bytes, n);
    if (n == 8) {
        memcpy(&bytes, at + 10, 8);
        more = count_digits(bytes);
        if (more)
            value = value * (uint64_t)powers[more] + value_of(bytes, more);
    }
    at += 2 + n + more;
    if (more == 8 || *at == 'e' || *at == 'E' || value >> 53)
        return NULL;
    *number = (float)((double)value / powers[n + more]); /* correctly rounded [Clinger 1990], then to float32 */
    return at;
}

#else
const char *parse_usual(const char *at, const char *stop, float *number)
{
    return NULL;
}
#endif
