// A clock that a test moves. Preloaded, it adds to the time of day as many milliseconds as the file named by
// PITLANE_TEST_CLOCK says, which may change while the program runs. Clocks that measure how long something takes go on as
// they are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("PITLANE_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    if (!real_clock_gettime) begin();
    int failed = real_clock_gettime(which, at);
    if (failed || !offset || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) return failed;
    int64_t ms = *offset, nanoseconds = at->tv_nsec + ms % 1000 * 1000000;
    at->tv_sec += ms / 1000;
    if (nanoseconds < 0) { at->tv_sec -= 1; nanoseconds += 1000000000; }
    if (nanoseconds >= 1000000000) { at->tv_sec += 1; nanoseconds -= 1000000000; }
    at->tv_nsec = nanoseconds;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    if (!failed) { at->tv_sec = now.tv_sec; at->tv_usec = now.tv_nsec / 1000; }
    return failed;
}

time_t time(time_t *at) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
