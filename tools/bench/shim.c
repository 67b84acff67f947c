/* Times a PortAudio callback from outside: PortAudio calls rtstem_shim, which reads the clock, calls
   the real callback and reads the clock again. The time a Python callback waits for the GIL counts.
   userData points to a struct shim; callback.py and gil.py lay it out as nine int64. */
#include <stdint.h>
#include <time.h>

typedef int (*stream_callback)(const void *, void *, unsigned long, const void *, unsigned long,
                               void *);

struct shim {
    stream_callback inner;
    void *inner_data;
    int64_t capacity; /* rows in `log` */
    int64_t calls;
    int64_t *log; /* [capacity][3]: entry ns, exit ns, frames */
    int64_t flagged; /* calls with a status flag (underflow, overflow) */
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int rtstem_shim(const void *input, void *output, unsigned long frames, const void *times,
                unsigned long flags, void *data) {
    struct shim *s = data;
    int64_t entry = now_ns();
    int result = s->inner(input, output, frames, times, flags, s->inner_data);
    int64_t leave = now_ns();
    if (s->calls < s->capacity) {
        int64_t *row = s->log + 3 * s->calls;
        row[0] = entry;
        row[1] = leave;
        row[2] = (int64_t)frames;
    }
    s->calls++;
    if (flags)
        s->flagged++;
    return result;
}
