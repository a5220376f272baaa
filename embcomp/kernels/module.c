/* The extension module embcomp.kernels._native: a table of the kernels. */
#include "kernels.h"

int holds(const Py_buffer *buffer, const char *name, Py_ssize_t count, Py_ssize_t size)
{
    if (count < 0 || count > PY_SSIZE_T_MAX / size || buffer->len != count * size) {
        PyErr_Format(PyExc_ValueError, "%s has %zd bytes, expected %zd items of %zd", name, buffer->len, count, size);
        return 0;
    }
    if (count && (uintptr_t)buffer->buf % (uintptr_t)size) {
        PyErr_Format(PyExc_ValueError, "%s is not aligned to %zd bytes", name, size);
        return 0;
    }
    return 1;
}

int in_range(Py_ssize_t value, Py_ssize_t low, Py_ssize_t high)
{
    if (value < low || value > high)
        PyErr_Format(PyExc_ValueError, "a size must be from %zd to %zd, got %zd", low, high, value);
    return value >= low && value <= high;
}

void *scratch(size_t n_bytes, int *good)
{
    void *room = *good ? PyMem_Malloc(n_bytes) : NULL;
    if (*good && !room) {
        PyErr_NoMemory();
        *good = 0;
    }
    return room;
}

PyObject *release(Py_buffer *buffers, int count, int good)
{
    while (count--)
        PyBuffer_Release(buffers + count);
    return good ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef methods[] = {
    {"ascending", ascending, METH_VARARGS, NULL},
    {"beam", beam, METH_VARARGS, NULL},
    {"best", best, METH_VARARGS, NULL},
    {"cross", cross, METH_VARARGS, NULL},
    {"fields", fields, METH_VARARGS, NULL},
    {"hamming", hamming, METH_VARARGS, NULL},
    {"literals", literals, METH_VARARGS, NULL},
    {"many_signs", many_signs, METH_VARARGS, NULL},
    {"page_find", page_find, METH_VARARGS, NULL},
    {"page_words", page_words, METH_VARARGS, NULL},
    {"places", places, METH_VARARGS, NULL},
    {"search", search, METH_VARARGS, NULL},
    {"shared_prefixes", shared_prefixes, METH_VARARGS, NULL},
    {"signs", signs, METH_VARARGS, NULL},
    {"take", take, METH_VARARGS, NULL},
    {"text_lines", text_lines, METH_O, NULL},
    {"text_rows", text_rows, METH_VARARGS, NULL},
    {"totals", totals, METH_VARARGS, NULL},
    {"turned", turned, METH_VARARGS, NULL},
    {"words", words, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    choose_differences();
    if (PyModule_AddIntConstant(module, "QUICK_PRODUCTS", choose_tile()) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "REVISION", 19);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_native", .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
