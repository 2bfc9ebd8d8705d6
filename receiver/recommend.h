/*
 * recommend: what a link test says about how to run the link.  A function of the steps alone.
 *
 *   least loss   the least scattered loss (tally.h: without outages) of the steps that find the rate
 *   held         a step whose scattered loss is at most 0.5 % of datagrams above the least, and what chance adds to that:
 *                four standard deviations of its count
 *   clean rate   what was offered in the last step up to which all held
 *   capacity     the median of goodput, from its first loss on, of the steps that lost more than 2 % above the least: a link,
 *                a NIC or a box that is full lets so much through, whatever is offered.  Not known when no step lost so
 *                much, or when it is less than was carried cleanly, or more than was offered where it was lost
 *   knee         the capacity, or the clean rate where that is not known
 *   rate         80 % of the knee, but not more than was carried cleanly; rounded down to three digits
 *   mtu          the size of packets that carried the most payload of its own rate, of those that held as
 *                above, among their kind; without such steps, the size with which the rate was found
 *   repair       the least repair_percent, from 12.5 on in steps of 0.5, with which a pass of a bundle of 64 GiB fails with a
 *                probability below 5e-5 (geometry_failure) when twice the highest scattered loss of the steps that held is lost
 *   outage       twice the longest burst (of 8 datagrams or more, since a few last long where the rate is low) of these
 *                steps, rounded up to 10 ms; 0 when it was below a millisecond: repair rows
 *                restore that
 *
 * Bursts shorter than a row hit each column of a block once a row, so the probability holds for them as well; longer ones are
 * what survive_outage_ms is for.
 */
#ifndef WEIR_RECOMMEND_H
#define WEIR_RECOMMEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "course.h"

#define RECOMMEND_HELD 0.005
#define RECOMMEND_FULL 0.02
#define RECOMMEND_LOSS_MAX 0.05     /* more than this at any rate is no link to accept */
#define RECOMMEND_FAILURE 5e-5
#define RECOMMEND_OBJECT_BYTES (UINT64_C(64) << 30)
#define RECOMMEND_RATE_LEAST UINT64_C(1000000)
enum { RECOMMEND_PERCENT = 80, RECOMMEND_REASON_BYTES = 200 };

struct recommendation {
	bool is_accepted;
	char reason[RECOMMEND_REASON_BYTES]; /* why not, and the next step; "" */
	/* what follows is 0 when it is not known */
	double least_loss, held_loss;        /* of the steps that held, the highest */
	uint64_t clean_bits_per_s, capacity_bits_per_s, knee_bits_per_s;
	size_t clean_step;                   /* the last that held, from 1; 0: none did */
	uint64_t rate_bits_per_s;
	uint32_t mtu;
	uint16_t size;                       /* with which the rate was found */
	uint32_t repair_permille;
	double failure;                      /* with it, at twice the loss that was measured */
	uint64_t burst_ns;                   /* the longest of the steps that held */
	uint32_t survive_outage_ms;
};

/* The steps of a course that is over. */
struct recommendation recommend(const struct course *course);

#endif
