/* Sums of table entries, for each row one of each table. Twin: lookup.py. */
#include "kernels.h"

#define STEP_ROWS 1024

typedef struct {
    const uint16_t *columns;
    const float *tables;
    const int64_t *ends; /* of the tables, in `tables` */
    float *out;
    Py_ssize_t n_columns, n_rows;
    float base;
} Lookup;

typedef struct {
    const float *entries;
    int64_t last;
    const uint16_t *column;
} Table;

static Table table_of(const Lookup *l, Py_ssize_t column, Py_ssize_t first)
{
    int64_t start = column ? l->ends[column - 1] : 0;
    return (Table){l->tables + start, l->ends[column] - start - 1, l->columns + column * l->n_rows + first};
}

ALWAYS_INLINE float entry(Table t, Py_ssize_t row)
{
    int64_t at = t.column[row];
    return t.entries[at < t.last ? at : t.last];
}

/* In the order of the columns, as the twin adds them; four at once take fewer stores. */
static void sum_rows(const Lookup *l, Py_ssize_t first, Py_ssize_t n)
{
    float *restrict out = l->out + first;
    Py_ssize_t column = 0;
    for (Py_ssize_t row = 0; row < n; row++)
        out[row] = l->base;
    for (; column + 4 <= l->n_columns; column += 4) {
        Table a = table_of(l, column, first), b = table_of(l, column + 1, first);
        Table c = table_of(l, column + 2, first), d = table_of(l, column + 3, first);
        for (Py_ssize_t row = 0; row < n; row++)
            out[row] = (((out[row] + entry(a, row)) + entry(b, row)) + entry(c, row)) + entry(d, row);
    }
    for (; column < l->n_columns; column++) {
        Table a = table_of(l, column, first);
        for (Py_ssize_t row = 0; row < n; row++)
            out[row] += entry(a, row);
    }
}

static int ascend(const int64_t *ends, Py_ssize_t n, int64_t last)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (ends[i] <= (i ? ends[i - 1] : 0) || ends[i] > last)
            return 0;
    return 1;
}

/* lookup(columns, tables, ends, out, (n_columns, n_rows, n_entries), base) */
PyObject *lookup(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Lookup l;
    Py_ssize_t n_entries;
    if (!PyArg_ParseTuple(args, "y*y*y*w*(nnn)f", b, b + 1, b + 2, b + 3, &l.n_columns, &l.n_rows, &n_entries, &l.base))
        return NULL;
    int good = in_range(l.n_columns, 0, 65536) && in_range(l.n_rows, 0, MOST_ROWS / 2)
               && in_range(n_entries, 0, MOST_ROWS) && holds(b, "columns", l.n_columns * l.n_rows, 2)
               && holds(b + 1, "tables", n_entries, 4) && holds(b + 2, "ends", l.n_columns, 8)
               && holds(b + 3, "out", l.n_rows, 4);
    l.columns = b[0].buf, l.tables = b[1].buf, l.ends = b[2].buf, l.out = b[3].buf;
    if (good && !ascend(l.ends, l.n_columns, n_entries)) {
        PyErr_SetString(PyExc_ValueError, "ends of tables must ascend up to the number of entries");
        good = 0;
    }
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t first = 0; first < l.n_rows; first += STEP_ROWS)
            sum_rows(&l, first, l.n_rows - first < STEP_ROWS ? l.n_rows - first : STEP_ROWS);
        Py_END_ALLOW_THREADS
    }
    return release(b, 4, good);
}
