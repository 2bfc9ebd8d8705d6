#include "pace.h"

#include <assert.h>

#include "common/datagram.h"

static const uint64_t ns_per_s = 1000000000;

static unsigned int batch_of(uint64_t rate_bits_per_s, size_t datagram_len)
{
	uint64_t bits = rate_bits_per_s * (PACE_BATCH_NS / 1000) / 1000000;
	uint64_t count = bits / 8 / (datagram_len + IP_UDP_BYTES);
	uint64_t most = PACE_BATCH_BYTES / datagram_len;
	if (most > PACE_BATCH_DATAGRAMS)
		most = PACE_BATCH_DATAGRAMS;
	if (count > most)
		count = most;
	return count < 1 ? 1 : (unsigned int)count;
}

void pace_start(struct pace *p, uint64_t rate_bits_per_s, size_t datagram_len, uint64_t now_ns)
{
	assert(rate_bits_per_s >= 1000 && rate_bits_per_s <= 1000 * ns_per_s && datagram_len <= DATAGRAM_BYTES_MAX);
	unsigned int batch = batch_of(rate_bits_per_s, datagram_len);
	uint64_t burst_bits = (uint64_t)(PACE_BURST_DATAGRAMS - batch) * (datagram_len + IP_UDP_BYTES) * 8;
	uint64_t credit_ns = burst_bits * ns_per_s / rate_bits_per_s;
	uint64_t batch_ns = (uint64_t)batch * (datagram_len + IP_UDP_BYTES) * 8 * ns_per_s / rate_bits_per_s;
	uint64_t most_ns = batch_ns < PACE_BATCH_NS ? PACE_BURST_NS - batch_ns : PACE_CREDIT_NS;
	if (credit_ns > most_ns)
		credit_ns = most_ns;
	*p = (struct pace){
		.rate_bits_per_s = rate_bits_per_s,
		.batch = batch,
		.credit_ns = credit_ns,
		.slack_ns = batch_ns > PACE_SLACK_NS ? 0 : credit_ns / 2 < PACE_SLACK_NS ? credit_ns / 2 : PACE_SLACK_NS,
		.due_ns = now_ns,
		.warm_until_ns = now_ns + PACE_WARM_UP_NS,
	};
}

void pace_spend(struct pace *p, unsigned int count, size_t payload_len, uint64_t now_ns)
{
	if (now_ns > p->due_ns + PACE_REST_NS)
		p->warm_until_ns = now_ns + PACE_WARM_UP_NS;
	if (now_ns > p->due_ns + p->credit_ns) {
		p->due_ns = now_ns - p->credit_ns;
		p->fraction = 0;
	}
	/* at most 65,000 bytes, so 64 bits hold the product */
	uint64_t bits = (payload_len + (uint64_t)count * IP_UDP_BYTES) * 8;
	if (now_ns < p->warm_until_ns)
		bits *= 2;
	uint64_t units = bits * ns_per_s + p->fraction;
	p->due_ns += units / p->rate_bits_per_s;
	p->fraction = units % p->rate_bits_per_s;
}

uint64_t pace_wake(const struct pace *p)
{
	return p->due_ns + p->slack_ns;
}

void pace_hold(struct pace *p, uint64_t duration_ns, uint64_t now_ns)
{
	if (p->due_ns < now_ns + duration_ns) {
		p->due_ns = now_ns + duration_ns;
		p->fraction = 0;
	}
}
