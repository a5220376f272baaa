/* Loaded before the C library: the n-th call of one function fails, once or from then on. See injected.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>
#include <unistd.h>

#define LARGE 66000 /* bytes of an array: NumPy's own buffers have up to 65,536, and without one it crashes */

enum { NONE, READ, WRITE, FSYNC, RENAME, LINK, OPEN, MMAP, MALLOC };

static volatile int which = NONE, from_then_on = 0;
static volatile long left = 0, seen = 0;

void failing_arm(int function, long n, int for_ever) {
    seen = 0;
    left = n;
    from_then_on = for_ever;
    which = function;
}

long failing_seen(void) { return seen; }

static int fails(int function) {
    if (which != function) return 0;
    seen++;
    if (left > 1) { left--; return 0; }
    if (left == 1 && !from_then_on) left = 0;
    else if (left == 0) return 0;
    return 1;
}

#define NEXT(type, name) static type (*next)(); if (!next) next = dlsym(RTLD_NEXT, name)

ssize_t read(int fd, void *buffer, size_t size) {
    NEXT(ssize_t, "read");
    if (fd > 2 && fails(READ)) { errno = EIO; return -1; }
    return next(fd, buffer, size);
}

ssize_t write(int fd, const void *buffer, size_t size) {
    NEXT(ssize_t, "write");
    if (fd > 2 && fails(WRITE)) { errno = ENOSPC; return -1; }
    return next(fd, buffer, size);
}

int fsync(int fd) {
    NEXT(int, "fsync");
    if (fails(FSYNC)) { errno = EIO; return -1; }
    return next(fd);
}

int rename(const char *from, const char *to) {
    NEXT(int, "rename");
    if (fails(RENAME)) { errno = EACCES; return -1; }
    return next(from, to);
}

int link(const char *from, const char *to) {
    NEXT(int, "link");
    if (fails(LINK)) { errno = EIO; return -1; }
    return next(from, to);
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    NEXT(int, "linkat");
    if (fails(LINK)) { errno = EIO; return -1; }
    return next(a, from, b, to, flags);
}

static int open_it(const char *name, const char *path, int flags, mode_t mode) {
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    if (fails(OPEN)) { errno = EMFILE; return -1; }
    return next(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return open_it("open64", path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return open_it("open", path, flags, mode);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (!next) next = dlsym(RTLD_NEXT, "mmap64");
    if (fd >= 0 && fails(MMAP)) { errno = ENOMEM; return (void *)-1; }
    return next(at, size, protection, flags, fd, offset);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return mmap64(at, size, protection, flags, fd, offset);
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

void *malloc(size_t size) {
    if (size >= LARGE && fails(MALLOC)) { errno = ENOMEM; return 0; }
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    if (n * size >= LARGE && fails(MALLOC)) { errno = ENOMEM; return 0; }
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
    if (size >= LARGE && fails(MALLOC)) { errno = ENOMEM; return 0; }
    return __libc_realloc(old, size);
}
