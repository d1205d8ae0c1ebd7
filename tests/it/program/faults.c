/* Lets a disk fail as a disk does: preloaded into the program under test, it answers for the system.
 *
 * In the directory LANYARD_TEST_FAULTS, a file `full` whose content is a part of a path lets every
 * write to such a file fail for want of space, until it is gone; the part may end with `$`, which
 * is the end of the path. A file `broken` lets the next sync of
 * such a file fail, once. A file `counted`, whose content is a number nobody used before, `write`,
 * `sync` or `read`, a count, and a part of a path, lets the call with that count, from 1, fail once.
 * A file `killed`, whose content is a count and a part of a path, kills the program at the call with
 * that count that writes to such a file or syncs it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_part(const char *path, const char *part)
{
    size_t whole = strlen(path), length = strlen(part);
    if (length && part[length - 1] == '$')
        return whole >= length - 1 && !strncmp(path + whole - (length - 1), part, length - 1);
    return strstr(path, part) != NULL;
}

static int hit(const char *fault, int fd, int once)
{
    const char *directory = getenv("LANYARD_TEST_FAULTS");
    char control[4096], link[64], path[4096], part[256];
    if (!directory)
        return 0;
    snprintf(control, sizeof control, "%s/%s", directory, fault);
    int opened = open(control, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return 0;
    ssize_t length = read(opened, part, sizeof part - 1);
    close(opened);
    if (length <= 0)
        return 0;
    part[length] = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (!is_part(path, part))
        return 0;
    return !once || unlink(control) == 0;
}

#define THE_REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

/* Says whether this is the call that is to fail. */
static int counted(const char *kind, int fd)
{
    static long serial, calls;
    const char *directory = getenv("LANYARD_TEST_FAULTS");
    char control[4096], link[64], path[4096], text[512], wanted[16], part[256];
    long number, count;
    if (!directory)
        return 0;
    snprintf(control, sizeof control, "%s/counted", directory);
    int opened = open(control, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return 0;
    ssize_t length = read(opened, text, sizeof text - 1);
    close(opened);
    if (length <= 0)
        return 0;
    text[length] = 0;
    if (sscanf(text, "%ld %15s %ld %255s", &number, wanted, &count, part) != 4 || strcmp(wanted, kind))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (!strstr(path, part))
        return 0;
    pthread_mutex_lock(&counting);
    if (number != serial) {
        serial = number;
        calls = 0;
    }
    int is_it = ++calls == count && unlink(control) == 0;
    pthread_mutex_unlock(&counting);
    return is_it;
}

/* Kills the program if this is the call that it is to die at. */
static void killed(int fd)
{
    static long calls;
    const char *directory = getenv("LANYARD_TEST_FAULTS");
    char control[4096], link[64], path[4096], text[512], part[256];
    long count;
    if (!directory)
        return;
    snprintf(control, sizeof control, "%s/killed", directory);
    int opened = open(control, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return;
    ssize_t length = read(opened, text, sizeof text - 1);
    close(opened);
    if (length <= 0)
        return;
    text[length] = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || sscanf(text, "%ld %255s", &count, part) != 2)
        return;
    path[length] = 0;
    if (!strstr(path, part))
        return;
    pthread_mutex_lock(&counting);
    if (++calls == count)
        kill(getpid(), SIGKILL);
    pthread_mutex_unlock(&counting);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    killed(fd);
    if (hit("full", fd, 0)) {
        errno = ENOSPC;
        return -1;
    }
    if (counted("write", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("write", ssize_t (*)(int, const void *, size_t))(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    killed(fd);
    if (hit("full", fd, 0)) {
        errno = ENOSPC;
        return -1;
    }
    if (counted("write", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("pwrite", ssize_t (*)(int, const void *, size_t, off_t))(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    killed(fd);
    if (hit("full", fd, 0)) {
        errno = ENOSPC;
        return -1;
    }
    if (counted("write", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t))(fd, bytes, length, at);
}

int fsync(int fd)
{
    killed(fd);
    if (hit("broken", fd, 1) || counted("sync", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("fsync", int (*)(int))(fd);
}

int fdatasync(int fd)
{
    killed(fd);
    if (hit("broken", fd, 1) || counted("sync", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("fdatasync", int (*)(int))(fd);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at)
{
    if (counted("read", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("pread", ssize_t (*)(int, void *, size_t, off_t))(fd, bytes, length, at);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at)
{
    if (counted("read", fd)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("pread64", ssize_t (*)(int, void *, size_t, off64_t))(fd, bytes, length, at);
}
