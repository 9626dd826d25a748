/* Makes one call fail that writes: preloaded into the program by tests/faults.rs.
 *
 * FAULT_AT counts, from 1, the calls that open a regular file for writing, write into one, bring one to the disk, or make a
 * folder; FAULT_HOW is what happens at that one: "full" (ENOSPC), "denied" (EACCES) or "kill" (half of what was to be
 * written is, then SIGKILL). FAULT_LOG gets a line when it has happened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long calls;

/* 0: go on; otherwise errno is set, and the call is to fail. */
static int fails(const char *what, int file, const void *bytes, size_t count) {
    static long at = -1;
    static const char *how;
    if (at < 0) {
        const char *text = getenv("FAULT_AT");
        how = getenv("FAULT_HOW");
        at = text ? atol(text) : 0;
    }
    if (at == 0 || __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) != at) return 0;
    const char *log = getenv("FAULT_LOG");
    int out = log ? syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    if (out >= 0) {
        syscall(SYS_write, out, what, strlen(what));
        syscall(SYS_write, out, "\n", 1);
        syscall(SYS_close, out);
    }
    if (how && strcmp(how, "kill") == 0) {
        if (bytes) syscall(SYS_write, file, bytes, count / 2);
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    }
    errno = how && strcmp(how, "denied") == 0 ? EACCES : ENOSPC;
    return 1;
}

static int is_regular(int file) {
    struct stat found;
    return file > 2 && fstat(file, &found) == 0 && S_ISREG(found.st_mode);
}

#define REAL(name, ...) ((name##_type)real(&name##_real, #name))
static void *real(void **place, const char *name) {
    if (!*place) *place = dlsym(RTLD_NEXT, name);
    return *place;
}

typedef int (*open64_type)(const char *, int, ...);
static void *open64_real;
static int open_for(const char *path, int flags, mode_t mode) {
    if ((flags & O_ACCMODE) != O_RDONLY && strncmp(path, "/dev/", 5) != 0 && fails("open", -1, 0, 0)) return -1;
    return REAL(open64)(path, flags, mode);
}
#define OPENS(name)                                                      \
    int name(const char *path, int flags, ...) {                         \
        va_list rest;                                                    \
        va_start(rest, flags);                                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                    \
        return open_for(path, flags, mode);                              \
    }
OPENS(open)
OPENS(open64)

typedef ssize_t (*write_type)(int, const void *, size_t);
static void *write_real;
ssize_t write(int file, const void *bytes, size_t count) {
    if (is_regular(file) && fails("write", file, bytes, count)) return -1;
    return REAL(write)(file, bytes, count);
}

typedef ssize_t (*writev_type)(int, const struct iovec *, int);
static void *writev_real;
ssize_t writev(int file, const struct iovec *parts, int count) {
    if (is_regular(file) && fails("writev", file, count ? parts->iov_base : 0, count ? parts->iov_len : 0)) return -1;
    return REAL(writev)(file, parts, count);
}

typedef ssize_t (*pwrite64_type)(int, const void *, size_t, off64_t);
static void *pwrite64_real;
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    if (is_regular(file) && fails("pwrite", -1, 0, 0)) return -1;
    return REAL(pwrite64)(file, bytes, count, at);
}

typedef int (*ftruncate64_type)(int, off64_t);
static void *ftruncate64_real;
int ftruncate64(int file, off64_t length) {
    if (is_regular(file) && fails("ftruncate", -1, 0, 0)) return -1;
    return REAL(ftruncate64)(file, length);
}

typedef int (*fsync_type)(int);
static void *fsync_real;
int fsync(int file) {
    if (is_regular(file) && fails("fsync", -1, 0, 0)) return -1;
    return REAL(fsync)(file);
}

typedef int (*rename_type)(const char *, const char *);
static void *rename_real;
int rename(const char *from, const char *to) {
    if (fails("rename", -1, 0, 0)) return -1;
    return REAL(rename)(from, to);
}

typedef int (*mkdir_type)(const char *, mode_t);
static void *mkdir_real;
int mkdir(const char *path, mode_t mode) {
    if (fails("mkdir", -1, 0, 0)) return -1;
    return REAL(mkdir)(path, mode);
}
