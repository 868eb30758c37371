/* Bad disks for tests: preloaded into the program, it stands between it and the C library's write calls, for files below
 * the directory SHIM_DIR only.
 *
 * SHIM_FAULT=enospc|eio|short|rofs and SHIM_AT=n: the n-th write call goes wrong; enospc and rofs stay. SHIM_HIT names a
 * file that is made when that happened.
 *
 * SHIM_UNDO=directory: remembers what each write replaced until the file is flushed, so that a power cut can be played
 * after a kill: `disk.rs` puts back what was never flushed. With SHIM_LIE=1 flushing does nothing, as with a disk that
 * lies, or with synchronous=OFF. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long writes;

static int below(const char *path) {
    const char *dir = getenv("SHIM_DIR");
    return dir && strncmp(path, dir, strlen(dir)) == 0 && !strstr(path, "-shm");
}

static int watched(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

static void hit(void) {
    const char *path = getenv("SHIM_HIT");
    if (path) close(REAL(open)(path, O_CREAT | O_WRONLY, 0600));
}

/* 0: go on; 1: write half; -1: fail with errno. */
static int fault(int counts) {
    const char *kind = getenv("SHIM_FAULT"), *at = getenv("SHIM_AT");
    if (!kind || !at) return 0;
    long now = counts ? ++writes : writes;
    long wanted = atol(at);
    int full = !strcmp(kind, "enospc"), readonly = !strcmp(kind, "rofs");
    if (full || readonly ? now < wanted : now != wanted) return 0;
    if (!counts && !readonly) return 0;
    hit();
    if (!strcmp(kind, "short")) return 1;
    errno = full ? ENOSPC : readonly ? EROFS : EIO;
    return -1;
}

struct record {
    uint64_t offset, length, size;
};

static int undo_of(int fd, int flags) {
    const char *dir = getenv("SHIM_UNDO");
    struct stat found;
    char path[4096];
    if (!dir || fstat(fd, &found)) return -1;
    snprintf(path, sizeof path, "%s/%lu", dir, (unsigned long)found.st_ino);
    return REAL(open)(path, flags, 0600);
}

/* Remembers what is about to be replaced. */
static void remember(int fd, uint64_t offset, uint64_t length) {
    struct stat found;
    int undo = undo_of(fd, O_CREAT | O_WRONLY | O_APPEND);
    if (undo < 0) return;
    if (fstat(fd, &found)) abort();
    struct record record = {offset, 0, (uint64_t)found.st_size};
    if (offset < record.size) record.length = record.size - offset < length ? record.size - offset : length;
    /* An empty file has nothing to go back to but being empty; its number may be that of one that is gone. */
    if (record.size == 0 && REAL(ftruncate)(undo, 0)) abort();
    char *bytes = malloc(sizeof record + record.length), link[64];
    memcpy(bytes, &record, sizeof record);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int readable = REAL(open)(link, O_RDONLY);
    if (pread(readable, bytes + sizeof record, record.length, (off_t)offset) != (ssize_t)record.length) abort();
    close(readable);
    if (REAL(write)(undo, bytes, sizeof record + record.length) != (ssize_t)(sizeof record + record.length)) abort();
    free(bytes);
    close(undo);
}

static uint64_t position(int fd) {
    if (fcntl(fd, F_GETFL) & O_APPEND) {
        struct stat found;
        return fstat(fd, &found) ? 0 : (uint64_t)found.st_size;
    }
    return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!watched(fd)) return REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    int wrong = fault(1);
    ssize_t done = -1;
    if (wrong >= 0) {
        if (wrong && length > 1) length /= 2;
        remember(fd, position(fd), length);
        done = REAL(write)(fd, bytes, length);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    if (!watched(fd)) return REAL(pwrite64)(fd, bytes, length, offset);
    pthread_mutex_lock(&lock);
    int wrong = fault(1);
    ssize_t done = -1;
    if (wrong >= 0) {
        if (wrong && length > 1) length /= 2;
        remember(fd, (uint64_t)offset, length);
        done = REAL(pwrite64)(fd, bytes, length, offset);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

int ftruncate64(int fd, off64_t size) {
    if (!watched(fd)) return REAL(ftruncate64)(fd, size);
    pthread_mutex_lock(&lock);
    int done = fault(1);
    if (done >= 0) {
        remember(fd, (uint64_t)size, UINT64_MAX);
        done = REAL(ftruncate64)(fd, size);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* A new file may have the number of one that is gone, whose writes weren't its own. */
static void forget(int fd) {
    int undo = undo_of(fd, O_WRONLY | O_TRUNC);
    if (undo >= 0) close(undo);
}

static int flushed(int fd, int (*real)(int)) {
    if (!watched(fd)) return real(fd);
    pthread_mutex_lock(&lock);
    int done = fault(1) < 0 ? -1 : 0;
    if (!done && !getenv("SHIM_LIE")) {
        /* No real flush: what is tested is a kill, or a power cut that is played, and the machine's disk is spared. */
        forget(fd);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return flushed(fd, REAL(fsync)); }
int fdatasync(int fd) { return flushed(fd, REAL(fdatasync)); }

static int opened(const char *path, int flags) {
    int writing = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
    return writing && below(path) && fault(0) < 0 ? -1 : 0;
}

#define OPEN(name)                                                                                                         \
    int name(const char *path, int flags, ...) {                                                                           \
        va_list rest;                                                                                                      \
        va_start(rest, flags);                                                                                             \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                            \
        va_end(rest);                                                                                                      \
        if (opened(path, flags)) return -1;                                                                                \
        int is_new = flags & O_CREAT && below(path) && access(path, F_OK);                                                 \
        int fd = REAL(name)(path, flags, mode);                                                                            \
        if (is_new && fd >= 0) forget(fd);                                                                                 \
        return fd;                                                                                                         \
    }

OPEN(open)
OPEN(open64)
