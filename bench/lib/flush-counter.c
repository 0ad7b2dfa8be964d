/*
 * Preloaded into a server under test: counts the calls that make data durable, how long they took, and can hold them back; and adds up
 * the octets handed to files. (write_bytes in /proc counts whole folios of the page cache: 2 MB for a page, where these are large.)
 * The counters live in a small file shared with the bench (BENCH_FLUSH_FILE), which may write a delay into it at any time:
 * an answer that does not come later when flushes take longer was not waiting for the disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FSYNC, FDATASYNC, MSYNC, SYNC_WRITES, NANOSECONDS, DELAY_MICROSECONDS, FILE_BYTES, SLOTS };

static uint64_t *slots;

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv("BENCH_FLUSH_FILE");
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *place = mmap(NULL, SLOTS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (place != MAP_FAILED) slots = place;
  close(fd);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void hold(void) {
  uint64_t us = slots == NULL ? 0 : __atomic_load_n(&slots[DELAY_MICROSECONDS], __ATOMIC_RELAXED);
  if (us > 0 && us <= 5000000) usleep((useconds_t)us);
}

static void note(int slot, uint64_t since) {
  if (slots == NULL) return;
  __atomic_fetch_add(&slots[slot], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&slots[NANOSECONDS], now() - since, __ATOMIC_RELAXED);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define COUNTED(slot, call) \
  uint64_t since = now(); \
  hold(); \
  int result = call; \
  int kept = errno; \
  note(slot, since); \
  errno = kept; \
  return result

int fsync(int fd) {
  REAL(int, "fsync", int);
  COUNTED(FSYNC, real(fd));
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  COUNTED(FDATASYNC, real(fd));
}

int msync(void *at, size_t length, int flags) {
  REAL(int, "msync", void *, size_t, int);
  if ((flags & MS_SYNC) == 0) return real(at, length, flags);
  COUNTED(MSYNC, real(at, length, flags));
}

/* A write through a descriptor opened with O_SYNC or O_DSYNC is a flush too; LMDB writes its meta page so. */
static int is_sync(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DSYNC) != 0;
}

static void add_file_bytes(ssize_t count) {
  if (slots != NULL && count > 0) __atomic_fetch_add(&slots[FILE_BYTES], (uint64_t)count, __ATOMIC_RELAXED);
}

/* Writes at an offset are to files only. */
#define WRITE_AT(name, bytes_type, length_type, offset_type) \
  ssize_t name(int fd, bytes_type bytes, length_type length, offset_type at) { \
    REAL(ssize_t, #name, int, bytes_type, length_type, offset_type); \
    int sync = is_sync(fd); \
    uint64_t since = now(); \
    ssize_t result = real(fd, bytes, length, at); \
    int kept = errno; \
    add_file_bytes(result); \
    if (sync) note(SYNC_WRITES, since); \
    errno = kept; \
    return result; \
  }

WRITE_AT(pwrite, const void *, size_t, off_t)
WRITE_AT(pwrite64, const void *, size_t, off64_t)
WRITE_AT(pwritev, const struct iovec *, int, off_t)
WRITE_AT(pwritev64, const struct iovec *, int, off64_t)

/* Others also go to sockets and pipes, which have no place to seek to. */
#define WRITE(name, bytes_type, length_type) \
  ssize_t name(int fd, bytes_type bytes, length_type length) { \
    REAL(ssize_t, #name, int, bytes_type, length_type); \
    ssize_t result = real(fd, bytes, length); \
    int kept = errno; \
    if (lseek(fd, 0, SEEK_CUR) >= 0) add_file_bytes(result); \
    errno = kept; \
    return result; \
  }

WRITE(write, const void *, size_t)
WRITE(writev, const struct iovec *, int)
