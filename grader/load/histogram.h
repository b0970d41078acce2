/* histogram.h - how often each latency was seen, to within 1.6 percent: 64 steps for each power of
 * two. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BITS = 6, HISTOGRAM_STEPS = 1 << HISTOGRAM_BITS, HISTOGRAM_POWERS = 40 };

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_POWERS * HISTOGRAM_STEPS];
};

/* Values below 2 * HISTOGRAM_STEPS have a place each; above, the top bits choose it. */
static inline size_t histogram_place(uint64_t ns)
{
    int power = 63 - __builtin_clzll(ns | HISTOGRAM_STEPS) - HISTOGRAM_BITS;
    size_t place = (size_t)power * HISTOGRAM_STEPS + (size_t)(ns >> power);
    size_t last = HISTOGRAM_POWERS * HISTOGRAM_STEPS - 1;

    return place < last ? place : last;
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->counts[histogram_place(ns)]++;
    histogram->total++;
}

/* The least value of a place. */
static inline uint64_t histogram_value(size_t place)
{
    if (place < 2ULL * HISTOGRAM_STEPS)
        return place;
    size_t power = place / HISTOGRAM_STEPS - 1;
    return (uint64_t)(place - power * HISTOGRAM_STEPS) << power;
}

/* The latency that the given share of all stayed below, in ns; 0 where nothing was seen. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    double left = share * (double)histogram->total;
    size_t last = HISTOGRAM_POWERS * HISTOGRAM_STEPS - 1;

    for (size_t place = 0; place < last; place++) {
        left -= (double)histogram->counts[place];
        if (left < 0)
            return histogram_value(place);
    }
    return 0;
}

#endif
