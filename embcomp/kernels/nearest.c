/* The k best of many scores. */
#include "kernels.h"
#include <math.h>

/* Whether (score, rank) comes after entry i. */
static int is_worse(const Nearest *nearest, double score, int64_t rank, Py_ssize_t i)
{
    return score < nearest->scores[i] || (score == nearest->scores[i] && rank > nearest->ranks[i]);
}

static void put(Nearest *nearest, Py_ssize_t i, double score, int64_t rank)
{
    nearest->scores[i] = score;
    nearest->ranks[i] = rank;
}

/* Put an entry at the top of the first n, and let it sink. */
static void sink(Nearest *nearest, Py_ssize_t n, double score, int64_t rank)
{
    Py_ssize_t at = 0;
    for (Py_ssize_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && is_worse(nearest, nearest->scores[child + 1], nearest->ranks[child + 1], child))
            child++;
        if (is_worse(nearest, score, rank, child))
            break;
        put(nearest, at, nearest->scores[child], nearest->ranks[child]);
        at = child;
    }
    put(nearest, at, score, rank);
}

void start(Nearest *nearest)
{
    for (Py_ssize_t i = 0; i < nearest->k; i++)
        put(nearest, i, -INFINITY, INT64_MAX);
}

void offer(Nearest *nearest, double score, int64_t rank)
{
    if (!is_worse(nearest, score, rank, 0))
        sink(nearest, nearest->k, score, rank);
}

void finish(Nearest *nearest)
{
    for (Py_ssize_t last = nearest->k - 1; last > 0; last--) {
        double score = nearest->scores[last];
        int64_t rank = nearest->ranks[last];
        put(nearest, last, nearest->scores[0], nearest->ranks[0]);
        sink(nearest, last, score, rank);
    }
}
