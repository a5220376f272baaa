/* Rows of code made of symbols: see fields.py. */
#ifndef EMBCOMP_FIELDS_H
#define EMBCOMP_FIELDS_H
#include "stream.h"

#define MOST_BITS 16 /* of a symbol */

typedef struct {
    int32_t n_bits, column, start; /* column: WORD, a column, or the number of columns for a factor of all */
} Place;
enum { WORD = -1 };

typedef struct {
    Stream stream;
    const Place *places;
    const float *numbers, *words, *centre;
    Py_ssize_t n_places, dim, n_numbers, n_words;
} Fields;

/* Write the sums of all rows; all symbols must fit, and those of words come first. */
void decode_fields(const Fields *fields, float *out);
#endif
