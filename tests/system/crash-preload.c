/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loaded before the daemon by its crash tests: the process dies by SIGKILL at a chosen moment, or its disk
 * fails.
 *
 *   SGP32_CRASH=commit:N   right after the N-th time that the store's log is synced: one for each commit
 *   SGP32_CRASH=write:N    right before the N-th write to a terminal, which is the port of the lab's modem
 *
 * SGP32_CRASH_SIGNAL=NUMBER is the signal, if it is to be another one.
 * SGP32_CRASH_COUNT=FILE is a file that gets one octet for each such moment, so that a test knows how many
 * there are. SGP32_DISK_FAILS=FILE: as long as that file is there, what is written to the store fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef enum Moment { COMMIT, WRITE } Moment;

static const char *const words[] = { [COMMIT] = "commit:", [WRITE] = "write:" };
static const char *const endings[] = { [COMMIT] = "/store.db-wal", [WRITE] = NULL };
static atomic_long passed[2];
static long limit[2];
static int count_fd = -1;
static ssize_t (*real_write)(int fd, const void *data, size_t size);
static int (*real_fdatasync)(int fd);
static int (*real_fsync)(int fd);
static ssize_t (*real_pwrite)(int fd, const void *data, size_t size, off64_t offset);
static const char *disk_fails;
static int signal_number = SIGKILL;

__attribute__((constructor)) static void begin(void)
{
	const char *crash = getenv("SGP32_CRASH"), *count = getenv("SGP32_CRASH_COUNT");

	real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	real_pwrite = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
	disk_fails = getenv("SGP32_DISK_FAILS");
	if (getenv("SGP32_CRASH_SIGNAL"))
		signal_number = atoi(getenv("SGP32_CRASH_SIGNAL"));
	for (Moment i = COMMIT; crash && i <= WRITE; i++)
		if (strncmp(crash, words[i], strlen(words[i])) == 0)
			limit[i] = atol(crash + strlen(words[i]));
	if (count && *count)
		count_fd = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_of(Moment moment, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t size, end;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path) - 1);
	if (size <= 0)
		return false;
	path[size] = 0;
	if (!endings[moment])
		return strncmp(path, "/dev/pts/", 9) == 0;
	end = size - (ssize_t)strlen(endings[moment]);
	return end >= 0 && strcmp(path + end, endings[moment]) == 0;
}

static void pass(Moment moment)
{
	long now = atomic_fetch_add(&passed[moment], 1) + 1;

	if (count_fd >= 0 && real_write(count_fd, moment == COMMIT ? "c" : "w", 1) < 0)
		abort();
	if (now == limit[moment]) {
		kill(getpid(), signal_number);
		if (signal_number == SIGKILL)
			pause();
	}
}

EXPORT int fdatasync(int fd)
{
	int r = real_fdatasync(fd);

	if (is_of(COMMIT, fd))
		pass(COMMIT);
	return r;
}

EXPORT int fsync(int fd)
{
	int r = real_fsync(fd);

	if (is_of(COMMIT, fd))
		pass(COMMIT);
	return r;
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
	/* The loader's own output comes before the constructor. */
	if (!real_write)
		real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (is_of(WRITE, fd))
		pass(WRITE);
	return real_write(fd, data, size);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	if (disk_fails && access(disk_fails, F_OK) == 0 && is_of(COMMIT, fd)) {
		errno = EIO;
		return -1;
	}
	return real_pwrite(fd, data, size, offset);
}
