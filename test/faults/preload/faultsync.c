// A disk that is slow, full or broken, for a process that is started with LD_PRELOAD=faultsync.so. Calls on one file
// alone are touched; what becomes of them stands in a control file that is read at each call:
//
//   AISLE_FAULT_FILE     the end of the path of the file meant, as in /journal/data.mdb
//   AISLE_FAULT_CONTROL  path of the control file: words, each at most once
//
//   sync-ms N            fsync and fdatasync take N ms longer
//   sync-error N         they fail with errno N, and nothing was synced
//   full N               N is not 0: the disk has no room: no byte is free, and what makes the file longer fails
//
// No control file, or an empty one: all is well. For Linux on 64 bits. Without a header of the C library's, as a machine
// that runs tests need not have them: any compiler will do, `cc` or Debian's `tcc`.

typedef unsigned long size_t;
typedef long ssize_t;
typedef long off_t;

extern void *dlsym(void *handle, const char *name);
extern int *__errno_location(void);
extern char *getenv(const char *name);
extern char *strstr(const char *text, const char *word);
extern long strtol(const char *text, char **end, int base);
extern int memcmp(const void *one, const void *other, size_t bytes);
extern size_t strlen(const char *text);
extern int snprintf(char *to, size_t bytes, const char *format, ...);
extern ssize_t readlink(const char *path, char *to, size_t bytes);
extern int open(const char *path, int flags, ...);
extern ssize_t read(int file, void *to, size_t bytes);
extern int close(int file);
extern off_t lseek64(int file, off_t at, int from);
extern int poll(void *files, unsigned long count, int timeout_ms);

#define errno (*__errno_location())
#define O_RDONLY 0
#define SEEK_CUR 1
#define SEEK_END 2
#define ENOSPC 28
/* Words of 64 bits in the C library's `struct statfs64`. */
#define STATFS_FREE 3
#define STATFS_AVAILABLE 4
/* The next one in the order of libraries: the C library's. */
#define RTLD_NEXT ((void *)-1L)

/* The C library's `struct iovec`. */
struct part {
  const void *at;
  size_t bytes;
};

struct faults {
  long sync_ms;
  long sync_error;
  long full;
};

static long number_after(const char *text, const char *word) {
  const char *found = strstr(text, word);
  return found ? strtol(found + strlen(word), 0, 10) : 0;
}

static struct faults faults_now(void) {
  struct faults found = {0, 0, 0};
  char text[256];
  const char *path = getenv("AISLE_FAULT_CONTROL");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file < 0) return found;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return found;
  text[length] = 0;
  found.sync_ms = number_after(text, "sync-ms ");
  found.sync_error = number_after(text, "sync-error ");
  found.full = number_after(text, "full ");
  return found;
}

static int is_meant(int file) {
  char link[64];
  char path[4096];
  const char *end = getenv("AISLE_FAULT_FILE");
  if (!end) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path);
  ssize_t wanted = (ssize_t)strlen(end);
  return length >= wanted && memcmp(path + length - wanted, end, (size_t)wanted) == 0;
}

/* 1: the call has failed, and errno says how; 0: it is to go on. */
static int sync_fails(int file) {
  int before = errno;
  struct faults faults = {0, 0, 0};
  if (is_meant(file)) faults = faults_now();
  if (faults.sync_ms > 0) poll(0, 0, (int)faults.sync_ms);
  errno = faults.sync_error ? (int)faults.sync_error : before;
  return faults.sync_error != 0;
}

/* A full disk still takes what lies in blocks that a file has already. */
static int write_fails(int file, off_t end) {
  int before = errno;
  int fails = is_meant(file) && faults_now().full;
  if (fails) {
    off_t at = lseek64(file, 0, SEEK_CUR);
    fails = end > lseek64(file, 0, SEEK_END);
    lseek64(file, at, 0);
  }
  errno = fails ? ENOSPC : before;
  return fails;
}

static off_t place_of(int file) { return lseek64(file, 0, SEEK_CUR); }

static off_t length_of(const struct part *parts, int count) {
  off_t length = 0;
  for (int i = 0; i < count; i++) length += (off_t)parts[i].bytes;
  return length;
}

int fsync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return sync_fails(file) ? -1 : real(file);
}

int fdatasync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return sync_fails(file) ? -1 : real(file);
}

ssize_t write(int file, const void *from, size_t bytes) {
  ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  return write_fails(file, place_of(file) + (off_t)bytes) ? -1 : real(file, from, bytes);
}

ssize_t pwrite64(int file, const void *from, size_t bytes, off_t at) {
  ssize_t (*real)(int, const void *, size_t, off_t) =
      (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  return write_fails(file, at + (off_t)bytes) ? -1 : real(file, from, bytes, at);
}

ssize_t pwrite(int file, const void *from, size_t bytes, off_t at) { return pwrite64(file, from, bytes, at); }

ssize_t writev(int file, const struct part *from, int count) {
  ssize_t (*real)(int, const void *, int) = (ssize_t(*)(int, const void *, int))dlsym(RTLD_NEXT, "writev");
  return write_fails(file, place_of(file) + length_of(from, count)) ? -1 : real(file, from, count);
}

ssize_t pwritev64(int file, const struct part *from, int count, off_t at) {
  ssize_t (*real)(int, const void *, int, off_t) =
      (ssize_t(*)(int, const void *, int, off_t))dlsym(RTLD_NEXT, "pwritev64");
  return write_fails(file, at + length_of(from, count)) ? -1 : real(file, from, count, at);
}

ssize_t pwritev(int file, const struct part *from, int count, off_t at) { return pwritev64(file, from, count, at); }

int statfs64(const char *path, long *into) {
  int (*real)(const char *, long *) = (int (*)(const char *, long *))dlsym(RTLD_NEXT, "statfs64");
  int failed = real(path, into);
  if (failed || !faults_now().full) return failed;
  into[STATFS_FREE] = 0;
  into[STATFS_AVAILABLE] = 0;
  return 0;
}

int statfs(const char *path, long *into) { return statfs64(path, into); }
