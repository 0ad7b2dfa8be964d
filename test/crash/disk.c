/*
 * Preloaded into a server under test: the disk's moods. Calls that write to files and flush them are passed on, held back, counted, or
 * failed with an error, as a small file says that is shared with the test (DISK_FILE). Sockets, pipes and memory are left alone: only
 * descriptors of files whose name ends with DISK_NAME are touched, so that the log and everything else goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Slots of the shared file, as in disk.ts. */
enum { DELAY_MICROSECONDS, FLUSH_ERROR, WRITE_ERROR, META_ERROR, FLUSHES, FLUSHES_FAILED, WRITES_FAILED, HELD, SLOTS };

static uint64_t *slots;
static const char *name;

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv("DISK_FILE");
  name = getenv("DISK_NAME");
  if (path == NULL || name == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *place = mmap(NULL, SLOTS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (place != MAP_FAILED) slots = place;
  close(fd);
}

static uint64_t slot(int at) { return __atomic_load_n(&slots[at], __ATOMIC_SEQ_CST); }
static void count(int at, int64_t by) { __atomic_fetch_add(&slots[at], by, __ATOMIC_SEQ_CST); }

static int is_ours(int fd) {
  if (slots == NULL) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  size_t ending = strlen(name);
  return length > (ssize_t)ending && memcmp(path + length - ending, name, ending) == 0;
}

/* Waits as long as a delay is set: it may be longer than a test wants to say beforehand, and ends when the test says 0. */
static void hold(void) {
  uint64_t waited = 0;
  count(HELD, 1);
  while (waited < slot(DELAY_MICROSECONDS)) {
    usleep(5000);
    waited += 5000;
  }
  count(HELD, -1);
}

#define REAL(type, called, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, called)

/* 0: go on. */
static int flush_fails(void) {
  hold();
  count(FLUSHES, 1);
  uint64_t error = slot(FLUSH_ERROR);
  if (error == 0) return 0;
  count(FLUSHES_FAILED, 1);
  errno = (int)error;
  return 1;
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  return is_ours(fd) && flush_fails() ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return is_ours(fd) && flush_fails() ? -1 : real(fd);
}

/* LMDB writes its meta page through a descriptor opened with O_DSYNC: a write and a flush in one. */
static int write_fails(int fd) {
  if (!is_ours(fd)) return 0;
  int flags = fcntl(fd, F_GETFL);
  int synchronous = flags >= 0 && (flags & O_DSYNC) != 0;
  if (synchronous) hold();
  uint64_t error = slot(WRITE_ERROR);
  if (error == 0 && synchronous) error = slot(META_ERROR);
  if (error == 0) return 0;
  count(WRITES_FAILED, 1);
  errno = (int)error;
  return 1;
}

#define WRITE_AT(called, bytes_type, length_type, offset_type) \
  ssize_t called(int fd, bytes_type bytes, length_type length, offset_type at) { \
    REAL(ssize_t, #called, int, bytes_type, length_type, offset_type); \
    return write_fails(fd) ? -1 : real(fd, bytes, length, at); \
  }

WRITE_AT(pwrite, const void *, size_t, off_t)
WRITE_AT(pwrite64, const void *, size_t, off64_t)
WRITE_AT(pwritev, const struct iovec *, int, off_t)
WRITE_AT(pwritev64, const struct iovec *, int, off64_t)

#define WRITE(called, bytes_type, length_type) \
  ssize_t called(int fd, bytes_type bytes, length_type length) { \
    REAL(ssize_t, #called, int, bytes_type, length_type); \
    return write_fails(fd) ? -1 : real(fd, bytes, length); \
  }

WRITE(write, const void *, size_t)
WRITE(writev, const struct iovec *, int)
