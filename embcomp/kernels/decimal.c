/* A decimal number, rounded to float64 and then to float32, as Python and NumPy do it. */
#include "kernels.h"
#include <float.h>
#include <math.h>
#if FLT_EVAL_METHOD != 0
#error "float64 is computed with more digits than it has: the twin takes the place of the kernels"
#endif

#define MOST_DIGITS 19 /* that 64 bits hold */
#define LAST_POWER 64
static const double powers[LAST_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33,
    1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49, 1e50,
    1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64};

typedef struct {
    uint64_t value;
    long n_digits, n_dropped; /* without leading zeros; what is beyond MOST_DIGITS is dropped */
} Mantissa;

static const char *take_digits(const char *at, Mantissa *mantissa)
{
    for (unsigned digit; (digit = (unsigned)*at - '0') <= 9; at++) {
        if (mantissa->n_digits == MOST_DIGITS) {
            mantissa->n_dropped++;
            continue;
        }
        mantissa->value = 10 * mantissa->value + digit;
        mantissa->n_digits += mantissa->value != 0;
    }
    return at;
}

/* float32(float64(value · 10^exponent)); 0 if that is not certain, or not finite.

A mantissa and a power that are float64 have a correctly rounded product and quotient [Clinger 1990]. Of others the
error is known: if both ends of the interval are rounded to the same float32, so is what lies between. */
static int decide(Mantissa mantissa, long exponent, float *number)
{
    exponent += mantissa.n_dropped;
    if (exponent < -LAST_POWER || exponent > LAST_POWER)
        return 0;
    double wide = (double)mantissa.value;
    wide = exponent < 0 ? wide / powers[-exponent] : wide * powers[exponent];
    *number = (float)wide;
    if (mantissa.value >> 53 || mantissa.n_dropped || exponent < -22 || exponent > 22)
        if ((float)(wide * (1 - 0x1p-50)) != (float)(wide * (1 + 0x1p-50)))
            return 0;
    return *number <= FLT_MAX;
}

static const char *parse_any(const char *at, float *number)
{
    Mantissa mantissa = {0, 0, 0};
    long exponent = 0;
    const char *first = at;
    at = take_digits(at, &mantissa);
    Py_ssize_t n_digits = at - first;
    if (*at == '.') {
        first = ++at;
        at = take_digits(at, &mantissa);
        n_digits += at - first;
        exponent = (long)(first - at);
    }
    if (!n_digits)
        return NULL;
    if (*at == 'e' || *at == 'E') {
        int down = at[1] == '-';
        first = at += 1 + (down || at[1] == '+');
        long power = 0;
        for (unsigned digit; (digit = (unsigned)*at - '0') <= 9; at++)
            power = power < 10000 ? 10 * power + (long)digit : power;
        if (at == first)
            return NULL;
        exponent += down ? -power : power;
    }
    return decide(mantissa, exponent, number) ? at : NULL;
}

const char *parse_number(const char *at, const char *stop, float *number)
{
    uint32_t negative = *at == '-', bits;
    at += negative | (*at == '+');
    const char *end = parse_usual(at, stop, number);
    if (end == NULL && (end = parse_any(at, number)) == NULL)
        return NULL;
    memcpy(&bits, number, 4);
    bits ^= negative << 31; /* no branch: signs cannot be foreseen */
    memcpy(number, &bits, 4);
    return end;
}
