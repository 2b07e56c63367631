/* A disk that fails, or that forgets at a power cut whatever was not synced. Preloaded under the drills.

   CONSENT_SHIM_FILES  directory whose files are watched
   CONSENT_SHIM_UNDO   directory for undo records; where it is set, nothing is really synced. Every write first notes what
                       it overwrites; a sync of the file drops the notes. After a crash, undoing what is left is the
                       power cut.
   shim_arm()          lets one call, or every call from then on, fail with an error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2 };

static int countdown = -1, failure, kinds, sticky;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void shim_arm(int calls, int error, int which, int for_good) {
    countdown = calls, failure = error, kinds = which, sticky = for_good;
}

static int watched(int fd) {
    const char *files = getenv("CONSENT_SHIM_FILES");
    char link[64], path[PATH_MAX];
    if (!files) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t prefix = strlen(files);
    if (strncmp(path, files, prefix)) return 0;
    return length < 4 || strcmp(path + length - 4, "-shm"); /* shared memory is no disk */
}

static int fails(int kind) {
    if (!(kinds & kind) || countdown < 0) return 0;
    if (countdown > 0) { countdown--; return 0; }
    if (!sticky) countdown = -1;
    errno = failure;
    return 1;
}

/* One lock for all processes and threads: no write slips in between a sync and the dropping of its notes. */
static int lock(void) {
    static int held = -1;
    static pid_t owner;
    char path[PATH_MAX];
    pthread_mutex_lock(&mutex);
    if (owner != getpid()) { /* a lock is shared with whoever forked us, so open our own */
        snprintf(path, sizeof path, "%s/lock", getenv("CONSENT_SHIM_UNDO"));
        held = open(path, O_CREAT | O_RDWR, 0600);
        owner = getpid();
    }
    flock(held, LOCK_EX);
    return held;
}

static void unlock(int held) {
    flock(held, LOCK_UN);
    pthread_mutex_unlock(&mutex);
}

static int notes(int fd) {
    struct stat about;
    char path[PATH_MAX];
    if (fstat(fd, &about)) return -1;
    snprintf(path, sizeof path, "%s/%llu.undo", getenv("CONSENT_SHIM_UNDO"), (unsigned long long)about.st_ino);
    return open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
}

static void note(int fd, int64_t offset, int64_t length) {
    struct stat about;
    fstat(fd, &about);
    int64_t there = about.st_size - offset;
    if (there < 0) there = 0;
    if (there > length) there = length;
    int64_t *record = malloc(24 + there);
    record[0] = offset, record[1] = about.st_size;
    record[2] = there > 0 ? pread(fd, record + 3, there, offset) : 0;
    int file = notes(fd);
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    if (real(file, record, 24 + record[2]) < 0) abort();
    close(file);
    free(record);
}

#define REAL(name, ...)                                                                                               \
    static __typeof__(name) *real;                                                                                    \
    if (!real) real = dlsym(RTLD_NEXT, #name);                                                                        \
    if (!watched(fd)) return real(__VA_ARGS__);

#define CHANGE(offset, length, ...)                                                                                   \
    if (fails(WRITES)) return -1;                                                                                     \
    if (!getenv("CONSENT_SHIM_UNDO")) return real(__VA_ARGS__);                                                       \
    int held = lock();                                                                                                \
    note(fd, offset, length);                                                                                         \
    __typeof__(real(__VA_ARGS__)) done = real(__VA_ARGS__);                                                           \
    unlock(held);                                                                                                     \
    return done;

#define SYNC()                                                                                                        \
    if (fails(SYNCS)) return -1;                                                                                      \
    if (!getenv("CONSENT_SHIM_UNDO")) return real(fd);                                                                \
    int held = lock(), file = notes(fd);                                                                              \
    if (file >= 0) { if (ftruncate(file, 0)) abort(); close(file); }                                                  \
    unlock(held);                                                                                                     \
    return 0;

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    REAL(pwrite64, fd, data, length, offset)
    CHANGE(offset, length, fd, data, length, offset)
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    REAL(pwrite, fd, data, length, offset)
    CHANGE(offset, length, fd, data, length, offset)
}

ssize_t write(int fd, const void *data, size_t length) {
    REAL(write, fd, data, length)
    CHANGE(lseek(fd, 0, SEEK_CUR), length, fd, data, length)
}

int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64, fd, length)
    CHANGE(length, INT64_MAX / 2, fd, length)
}

int fsync(int fd) {
    REAL(fsync, fd)
    SYNC()
}

int fdatasync(int fd) {
    REAL(fdatasync, fd)
    SYNC()
}
