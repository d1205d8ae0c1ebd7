/* Lets a disk fail as a disk does: preloaded into the program under test, it answers for the system.
 *
 * In the directory LANYARD_TEST_FAULTS, a file `full` whose content is a part of a path lets every
 * write to such a file fail for want of space, until it is gone. A file `broken` lets the next sync of
 * such a file fail, once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

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
    if (!strstr(path, part))
        return 0;
    return !once || unlink(control) == 0;
}

#define THE_REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (hit("full", fd, 0)) {
        errno = ENOSPC;
        return -1;
    }
    return THE_REAL("write", ssize_t (*)(int, const void *, size_t))(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    if (hit("full", fd, 0)) {
        errno = ENOSPC;
        return -1;
    }
    return THE_REAL("pwrite", ssize_t (*)(int, const void *, size_t, off_t))(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    if (hit("full", fd, 0)) {
        errno = ENOSPC;
        return -1;
    }
    return THE_REAL("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t))(fd, bytes, length, at);
}

int fsync(int fd)
{
    if (hit("broken", fd, 1)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("fsync", int (*)(int))(fd);
}

int fdatasync(int fd)
{
    if (hit("broken", fd, 1)) {
        errno = EIO;
        return -1;
    }
    return THE_REAL("fdatasync", int (*)(int))(fd);
}
