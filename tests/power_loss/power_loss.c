/* A disk that loses power: preloaded into a program, it writes down what the program does to the files of one folder,
 * so that a test can take back what no fsync had made durable. The reader is tests/src/power_loss.rs.
 *
 *   STELE_POWER_ROOT      the folder, absolute, without symbolic links
 *   STELE_POWER_STATE     a folder beside it, on the same file system:
 *       journal           records, one after another (struct record)
 *       removed/INODE     a second name of each file that lost its name: what is removed may have to come back
 *       boot_id           read in place of /proc/sys/kernel/random/boot_id
 *       control           struct control: how much space there is, when to die
 *   STELE_POWER_LIES      a pattern of paths below the folder: their fsync is not written down (a planted bug)
 *   STELE_POWER_FAILS     PATTERN:N:ERRNO: the Nth fsync of such a path fails
 *
 * One mutex keeps the journal in the order of what happened. A change of contents is written down before it is made,
 * with the bytes that it overwrites: a kill between the two takes back what was not done, which changes nothing. An fsync
 * covers what was in the journal when it began. What this file does not understand (a shared mapping, a link, ...) is
 * written down as such, and the reader refuses to go on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* `kind`, and what the fields are:
 *   W write         a = offset, b = bytes, c = length before; payload = the bytes that were there
 *   T truncate      a = new length, c = length before; payload = the bytes that are cut off
 *   C create, M mkdir, U unlink, D rmdir     payload = path below the root
 *   R rename        payload = from, 0, to
 *   A abort         the record before failed
 *   S synced        everything before position a of the journal
 *   F sync failed   the same: what is not durable by then never is
 *   X unknown       payload = what
 * `inode`: of the file or folder. */
struct record {
  uint32_t kind, payload_bytes;
  uint64_t inode, a, b, c;
};

struct control {
  /* Bytes that files may grow by; negative = without limit. */
  int64_t space_left;
  /* Dies before this many more operations; negative = never. */
  int64_t operations_left;
  /* Counted up. */
  int64_t operations;
};

/* What a name costs: without it a full disk would still take any number of empty files. */
enum { NAME_BYTES = 256, INODES = 1 << 16 };

static char root[PATH_MAX], state[PATH_MAX];
static size_t root_length;
static int journal = -1;
static uint64_t journal_bytes;
static struct control *control;
static const char *lies;
static char fails_pattern[256];
static long fails_at;
static int fails_error;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* Inodes of the folder that were opened: open addressing, 0 = free. */
static uint64_t inodes[INODES];

static void die(const char *why) {
  dprintf(2, "power_loss: %s: %s\n", why, strerror(errno));
  _exit(99);
}

static int open_state(const char *name, int flags) {
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/%s", state, name);
  int fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
  if (fd < 0) die(path);
  return fd;
}

/* Where the last whole record of the journal ends. */
static uint64_t whole_records(void) {
  struct stat found;
  if (fstat(journal, &found)) die("journal");
  uint64_t bytes = found.st_size, end = 0;
  struct record record;
  while (end + sizeof record <= bytes) {
    if (syscall(SYS_pread64, journal, &record, sizeof record, end) != (long)sizeof record) die("journal");
    if (bytes - end - sizeof record < record.payload_bytes) break;
    end += sizeof record + record.payload_bytes;
  }
  return end;
}

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("STELE_POWER_ROOT"), *beside = getenv("STELE_POWER_STATE");
  if (!folder || !beside) return;
  snprintf(root, sizeof root, "%s", folder);
  snprintf(state, sizeof state, "%s", beside);
  lies = getenv("STELE_POWER_LIES");
  const char *fails = getenv("STELE_POWER_FAILS");
  if (fails && sscanf(fails, "%255[^:]:%ld:%d", fails_pattern, &fails_at, &fails_error) != 3) die("STELE_POWER_FAILS");
  journal = open_state("journal", O_RDWR | O_CREAT | O_APPEND);
  journal_bytes = whole_records();
  /* kill -9 can stop a long write in its middle: what it was to write down was not begun. */
  if (syscall(SYS_ftruncate, journal, journal_bytes)) die("journal");
  int fd = open_state("control", O_RDWR);
  control = (void *)syscall(SYS_mmap, 0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED) die("control");
  syscall(SYS_close, fd);
  root_length = strlen(root);
}

/* -- the journal; the mutex is held -- */

static void put(uint32_t kind, uint64_t inode, uint64_t a, uint64_t b, uint64_t c, const void *payload, size_t bytes) {
  struct record record = {kind, bytes, inode, a, b, c};
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)payload, bytes}};
  if (syscall(SYS_writev, journal, parts, 2) != (long)(sizeof record + bytes)) die("journal");
  journal_bytes += sizeof record + bytes;
}

/* Every change of the folder begins here. */
static void begin(void) {
  pthread_mutex_lock(&mutex);
  control->operations++;
  if (control->operations_left == 0) syscall(SYS_kill, getpid(), SIGKILL);
  if (control->operations_left > 0) control->operations_left--;
}

static long end(long result) {
  int error = errno;
  pthread_mutex_unlock(&mutex);
  errno = error;
  return result;
}

static void unknown(const char *what) {
  begin();
  put('X', 0, 0, 0, 0, what, strlen(what));
  end(0);
}

/* -- which files -- */

/* The path below the root, or NULL. `absolute` has PATH_MAX bytes. */
static const char *below(int folder, const char *path, char *absolute) {
  if (!root_length || !path) return NULL;
  if (path[0] == '/') {
    if (strncmp(path, root, root_length)) return NULL;
    snprintf(absolute, PATH_MAX, "%s", path);
  } else {
    char link[64], base[PATH_MAX];
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
    if (length < 0) return NULL;
    base[length] = 0;
    if (snprintf(absolute, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
  }
  if (strncmp(absolute, root, root_length)) return NULL;
  if (strstr(absolute, "/../") || strstr(absolute, "/./")) unknown("a path with dots");
  char *rest = absolute + root_length;
  if (*rest && *rest != '/') return NULL;
  while (*rest == '/') rest++;
  size_t length = strlen(rest);
  while (length && rest[length - 1] == '/') rest[--length] = 0;
  return rest;
}

static uint64_t *slot(uint64_t inode) {
  for (uint64_t at = inode * 0x9E3779B97F4A7C15u >> 48, tries = 0; tries < INODES; at = (at + 1) % INODES, tries++)
    if (!inodes[at] || inodes[at] == inode) return &inodes[at];
  die("too many files");
  return NULL;
}

/* An open file or folder of ours: its inode and state. Inodes cannot be used again: removed/ keeps them. */
static int ours(int fd, struct stat *found) {
  if (!root_length) return 0;
  int error = errno;
  int yes = fstat(fd, found) == 0 && (S_ISREG(found->st_mode) || S_ISDIR(found->st_mode)) &&
            __atomic_load_n(slot(found->st_ino), __ATOMIC_ACQUIRE) == found->st_ino;
  errno = error;
  return yes;
}

static uint64_t note(int fd) {
  struct stat found;
  if (fstat(fd, &found)) die("fstat");
  __atomic_store_n(slot(found.st_ino), found.st_ino, __ATOMIC_RELEASE);
  return found.st_ino;
}

/* -- space -- */

static int no_space(void) {
  errno = ENOSPC;
  return -1;
}

static int take_space(int64_t bytes) {
  if (control->space_left < 0) return 1;
  if (control->space_left < bytes) return 0;
  control->space_left -= bytes;
  return 1;
}

static void give_space(int64_t bytes) {
  if (control->space_left >= 0) control->space_left += bytes;
}

/* -- names -- */

static long do_open(int folder, const char *path, int flags, mode_t mode) {
  char absolute[PATH_MAX];
  if (root_length && path && !strcmp(path, "/proc/sys/kernel/random/boot_id")) return open_state("boot_id", O_RDONLY);
  const char *name = below(folder, path, absolute);
  if (!name) return syscall(SYS_openat, folder, path, flags, mode);
  if ((flags & O_TMPFILE) == O_TMPFILE) unknown("O_TMPFILE");
  begin();
  long fd = syscall(SYS_openat, folder, path, flags & ~(O_CREAT | O_EXCL | O_TRUNC), mode);
  if (fd >= 0 && (flags & O_CREAT) && (flags & O_EXCL)) {
    syscall(SYS_close, fd);
    errno = EEXIST;
    return end(-1);
  }
  if (fd >= 0) {
    uint64_t inode = note(fd);
    if (flags & O_TRUNC) {
      struct stat found;
      if (fstat(fd, &found)) die("fstat");
      if (found.st_size) {
        /* The test's programs empty only small files this way. */
        char before[1 << 16];
        if (found.st_size > (off_t)sizeof before) die("O_TRUNC of a large file");
        int reader = syscall(SYS_openat, folder, path, O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_pread64, reader, before, found.st_size, 0) != found.st_size) die("O_TRUNC");
        syscall(SYS_close, reader);
        put('T', inode, 0, 0, found.st_size, before, found.st_size);
        give_space(found.st_size);
        syscall(SYS_ftruncate, fd, 0);
      }
    }
    return end(fd);
  }
  if (errno != ENOENT || !(flags & O_CREAT)) return end(-1);
  if (!take_space(NAME_BYTES)) return end(no_space());
  fd = syscall(SYS_openat, folder, path, flags | O_EXCL, mode);
  if (fd >= 0) put('C', note(fd), 0, 0, 0, name, strlen(name));
  return end(fd);
}

#define MODE_OF(flags)                               \
  mode_t mode = 0;                                   \
  if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
    va_list more;                                    \
    va_start(more, flags);                           \
    mode = va_arg(more, int);                        \
    va_end(more);                                    \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return do_open(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return do_open(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  MODE_OF(flags)
  return do_open(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE_OF(flags)
  return do_open(folder, path, flags | O_LARGEFILE, mode);
}
int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int mkdirat(int folder, const char *path, mode_t mode) {
  char absolute[PATH_MAX];
  const char *name = below(folder, path, absolute);
  if (!name) return syscall(SYS_mkdirat, folder, path, mode);
  begin();
  struct stat made;
  if (fstatat(folder, path, &made, AT_SYMLINK_NOFOLLOW) && !take_space(NAME_BYTES)) return end(no_space());
  if (syscall(SYS_mkdirat, folder, path, mode)) return end(-1);
  if (fstatat(folder, path, &made, AT_SYMLINK_NOFOLLOW)) die("mkdir");
  put('M', made.st_ino, 0, 0, 0, name, strlen(name));
  return end(0);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* A second name for a file that loses one. */
static void keep(int folder, const char *path, const struct stat *file) {
  char kept[PATH_MAX + 32];
  snprintf(kept, sizeof kept, "%s/removed/%lu", state, (unsigned long)file->st_ino);
  if (syscall(SYS_linkat, folder, path, AT_FDCWD, kept, 0) && errno != EEXIST) die(kept);
  if (file->st_nlink == 1) give_space(file->st_size + NAME_BYTES);
}

static int is_empty(int folder, const char *path) {
  /* "." and ".." take 24 bytes each. */
  char entries[4096];
  int fd = syscall(SYS_openat, folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return 0;
  long bytes = syscall(SYS_getdents64, fd, entries, sizeof entries);
  syscall(SYS_close, fd);
  return bytes >= 0 && bytes <= 48;
}

int unlinkat(int folder, const char *path, int flags) {
  char absolute[PATH_MAX];
  const char *name = below(folder, path, absolute);
  if (!name) return syscall(SYS_unlinkat, folder, path, flags);
  begin();
  struct stat found;
  if (fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW)) return end(-1);
  int is_folder = S_ISDIR(found.st_mode);
  if (is_folder && !is_empty(folder, path)) {
    errno = ENOTEMPTY;
    return end(-1);
  }
  if (!is_folder) keep(folder, path, &found);
  put(is_folder ? 'D' : 'U', found.st_ino, 0, 0, 0, name, strlen(name));
  long result;
  if (is_folder && flags & AT_REMOVEDIR) {
    /* Not removed, so that no other gets its inode. */
    char kept[PATH_MAX + 32];
    snprintf(kept, sizeof kept, "%s/removed/folder-%lu", state, (unsigned long)found.st_ino);
    result = syscall(SYS_renameat2, folder, path, AT_FDCWD, kept, 0);
  } else {
    result = syscall(SYS_unlinkat, folder, path, flags);
  }
  if (result) {
    int error = errno;
    put('A', 0, 0, 0, 0, "", 0);
    errno = error;
  }
  return end(result);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat found;
  if (lstat(path, &found)) return -1;
  return unlinkat(AT_FDCWD, path, S_ISDIR(found.st_mode) ? AT_REMOVEDIR : 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  char from_absolute[PATH_MAX], to_absolute[PATH_MAX], names[2 * PATH_MAX];
  const char *from_name = below(from_folder, from, from_absolute), *to_name = below(to_folder, to, to_absolute);
  if (!from_name && !to_name) return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  if (!from_name || !to_name || flags) unknown("a rename out of or into the folder, or with flags");
  begin();
  struct stat found, replaced;
  if (fstatat(from_folder, from, &found, AT_SYMLINK_NOFOLLOW)) return end(-1);
  if (!fstatat(to_folder, to, &replaced, AT_SYMLINK_NOFOLLOW) && !S_ISDIR(replaced.st_mode))
    keep(to_folder, to, &replaced);
  size_t length = strlen(from_name) + 1;
  memcpy(names, from_name, length);
  memcpy(names + length, to_name, strlen(to_name));
  put('R', found.st_ino, 0, 0, 0, names, length + strlen(to_name));
  long result = syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  if (result) {
    int error = errno;
    put('A', 0, 0, 0, 0, "", 0);
    errno = error;
  }
  return end(result);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

/* -- contents -- */

/* The file's bytes from `offset`, at most `bytes`; the caller frees them. The descriptor may be open for writing only. */
static char *bytes_before(int fd, uint64_t offset, size_t bytes, size_t *found) {
  char link[64], *buffer = malloc(bytes + 1);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reader = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
  if (!buffer || reader < 0) die("reading what is overwritten");
  for (*found = 0; *found < bytes;) {
    long got = syscall(SYS_pread64, reader, buffer + *found, bytes - *found, offset + *found);
    if (got < 0) die("reading what is overwritten");
    if (got == 0) break;
    *found += got;
  }
  syscall(SYS_close, reader);
  return buffer;
}

/* The one way bytes reach a file of ours. */
static ssize_t do_write(int fd, const void *bytes, size_t count, off_t offset) {
  begin();
  struct stat found;
  if (fstat(fd, &found)) die("fstat");
  int64_t growth = offset + (int64_t)count - found.st_size;
  if (growth < 0) growth = 0;
  if (!take_space(growth)) {
    /* As much as there is room for. */
    int64_t missing = growth - control->space_left;
    if (missing >= (int64_t)count) return end(no_space());
    count -= missing;
    control->space_left = 0;
  }
  size_t overwritten = 0;
  char *before = NULL;
  if (offset < found.st_size) {
    size_t within = found.st_size - offset < (off_t)count ? (size_t)(found.st_size - offset) : count;
    before = bytes_before(fd, offset, within, &overwritten);
  }
  put('W', found.st_ino, offset, count, found.st_size, before ? before : "", overwritten);
  free(before);
  return end(syscall(SYS_pwrite64, fd, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  struct stat found;
  return ours(fd, &found) ? do_write(fd, bytes, count, offset) : syscall(SYS_pwrite64, fd, bytes, count, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

ssize_t write(int fd, const void *bytes, size_t count) {
  struct stat found;
  if (!ours(fd, &found)) return syscall(SYS_write, fd, bytes, count);
  off_t offset = fcntl(fd, F_GETFL) & O_APPEND ? found.st_size : lseek(fd, 0, SEEK_CUR);
  ssize_t written = do_write(fd, bytes, count, offset);
  if (written > 0) lseek(fd, offset + written, SEEK_SET);
  return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct stat found;
  if (!ours(fd, &found)) return syscall(SYS_writev, fd, parts, count);
  /* As many as the first one is allowed by writev(2). */
  for (int at = 0; at < count; at++)
    if (parts[at].iov_len) return write(fd, parts[at].iov_base, parts[at].iov_len);
  return 0;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  struct stat found;
  if (!ours(fd, &found)) return syscall(SYS_pwritev, fd, parts, count, offset, 0);
  for (int at = 0; at < count; at++)
    if (parts[at].iov_len) return do_write(fd, parts[at].iov_base, parts[at].iov_len, offset);
  return 0;
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev64(fd, parts, count, offset); }

int ftruncate64(int fd, off64_t length) {
  struct stat found;
  if (!ours(fd, &found)) return syscall(SYS_ftruncate, fd, length);
  begin();
  if (fstat(fd, &found)) die("fstat");
  if (length > found.st_size && !take_space(length - found.st_size)) return end(no_space());
  size_t cut = 0;
  char *before = NULL;
  if (length < found.st_size) {
    before = bytes_before(fd, length, found.st_size - length, &cut);
    give_space(found.st_size - length);
  }
  put('T', found.st_ino, length, 0, found.st_size, before ? before : "", cut);
  free(before);
  return end(syscall(SYS_ftruncate, fd, length));
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  struct stat found;
  if (ours(fd, &found)) unknown("fallocate");
  return syscall(SYS_fallocate, fd, mode, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return fallocate64(fd, 0, offset, length) ? errno : 0; }
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

/* -- durability -- */

static int do_sync(int fd, long call) {
  struct stat found;
  if (!ours(fd, &found)) return syscall(call, fd);
  char link[64], path[PATH_MAX] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  const char *name = length > (long)root_length ? path + root_length + 1 : "";
  begin();
  uint64_t covered = journal_bytes;
  int fails = fails_at > 0 && !fnmatch(fails_pattern, name, 0) && --fails_at == 0;
  if (fails) put('F', found.st_ino, covered, 0, 0, "", 0);
  end(0);
  if (fails) {
    errno = fails_error;
    return -1;
  }
  /* Others write meanwhile: what they write is not covered. */
  if (syscall(call, fd)) return -1;
  pthread_mutex_lock(&mutex);
  if (!lies || fnmatch(lies, name, 0)) put('S', found.st_ino, covered, 0, 0, "", 0);
  return end(0);
}
int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }
/* Promises nothing about the file's length, nor the disk's own cache. */
int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags) {
  return syscall(SYS_sync_file_range, fd, offset, count, flags);
}

/* -- what would go past us -- */

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  struct stat found;
  if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && ours(fd, &found)) unknown("a shared mapping");
  return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap64(address, length, protection, flags, fd, offset);
}
ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t bytes, unsigned flags) {
  struct stat found;
  if (ours(to, &found)) {
    /* The caller copies by hand instead. */
    errno = ENOSYS;
    return -1;
  }
  return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, bytes, flags);
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  struct stat found;
  if (ours(to, &found)) unknown("sendfile");
  return syscall(SYS_sendfile, to, from, offset, count);
}
ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t bytes, unsigned flags) {
  struct stat found;
  if (ours(to, &found)) unknown("splice");
  return syscall(SYS_splice, from, from_offset, to, to_offset, bytes, flags);
}
int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
  char absolute[PATH_MAX];
  if (below(to_folder, to, absolute)) unknown("link");
  return syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int symlinkat(const char *target, int folder, const char *path) {
  char absolute[PATH_MAX];
  if (below(folder, path, absolute)) unknown("symlink");
  return syscall(SYS_symlinkat, target, folder, path);
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }
int truncate64(const char *path, off64_t length) {
  char absolute[PATH_MAX];
  if (below(AT_FDCWD, path, absolute)) unknown("truncate by name");
  return syscall(SYS_truncate, path, length);
}
int truncate(const char *path, off_t length) { return truncate64(path, length); }
