#include "advice.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/text.h"

static const char *const places[LOSS_PLACES] = {
	[LOSS_RING] = "dropped because the ring was full",
	[LOSS_SOCKET] = "dropped by this box's socket",
	[LOSS_NIC] = "dropped by this box's NIC",
	[LOSS_DAMAGED] = "damaged on the way",
	[LOSS_BEFORE] = "that never reached this box",
	[LOSS_SEVERAL] = "dropped by this box's socket or its NIC",
};

/* By what the NIC counted most. */
static void advise_nic(char *out, size_t size, const struct way *way)
{
	const char *name = way->interface[0] != 0 ? way->interface : "IFACE";
	if (way->nic.full >= way->nic.refused && way->nic.full >= way->nic.backlog)
		snprintf(out, size, "enlarge its receive ring: ethtool -G %s rx 4096", name);
	else if (2 * way->nic.backlog >= way->nic.refused) /* which counts these, too */
		snprintf(out, size, "lengthen the queue behind it: sysctl -w net.core.netdev_max_backlog=100000");
	else
		snprintf(out, size, "give it the sender's MTU, and see 'ip -s -s link show %s'", name);
}

static void advise(char *out, size_t size, enum loss_place place, const struct way *way)
{
	switch (place) {
	case LOSS_RING:
		snprintf(out, size, "disk or weir-keep stand still too long: raise ride_out_stall_ms, or lower the "
				    "sender's rate");
		break;
	case LOSS_SOCKET:
		snprintf(out, size, "raise net.core.rmem_max and socket_buffer_mib, or lower the sender's rate");
		break;
	case LOSS_NIC:
		advise_nic(out, size, way);
		break;
	case LOSS_DAMAGED:
		snprintf(out, size, "clean or change fibre, connectors and transceivers, and compare the link secrets");
		break;
	case LOSS_BEFORE:
		snprintf(out, size, "check the sender's rate, the cable, and what stands between%s",
			 way->interface[0] != 0 ? "" : "; say 'interface', or nobody knows of the NIC");
		break;
	default:
		snprintf(out, size, "raise net.core.rmem_max and net.core.netdev_max_backlog, or lower the "
				    "sender's rate");
	}
}

char *advice_on_loss(char out[static ADVICE_BYTES], const struct loss_counts *counts, const struct way *way)
{
	char number[32], step[160];
	enum loss_place place = loss_place_of(counts), worst = LOSS_NOWHERE;
	uint64_t sum = loss_sum(counts);
	for (int i = 0; i < LOSS_PLACES; i++)
		if (counts->at[i] > counts->at[worst])
			worst = (enum loss_place)i;
	text_count(number, sizeof(number), sum);
	int used = snprintf(out, ADVICE_BYTES, "lost on the way: %s %s, ", number, sum == 1 ? "datagram" : "datagrams");
	const char *before = "";
	/* one place may still be LOSS_SEVERAL by itself */
	bool is_one = place != LOSS_SEVERAL || counts->at[LOSS_SEVERAL] + sum / LOSS_SHARE >= sum;
	if (is_one)
		used += snprintf(out + used, (size_t)(ADVICE_BYTES - used), "%s %s",
				 counts->at[worst] == sum ? "all" : "nearly all", places[worst]);
	else
		used += snprintf(out + used, (size_t)(ADVICE_BYTES - used), "at several places: ");
	for (int i = 0; !is_one && i < LOSS_PLACES; i++) {
		if (counts->at[i] == 0)
			continue;
		used += snprintf(out + used, (size_t)(ADVICE_BYTES - used), "%s%s %s", before,
				 text_count(number, sizeof(number), counts->at[i]), places[i]);
		before = ", ";
	}
	advise(step, sizeof(step), worst, way);
	snprintf(out + used, (size_t)(ADVICE_BYTES - used), ": %s", step);
	return out;
}

char *advice_on_fill(char out[static ADVICE_BYTES], uint64_t fill, uint64_t size)
{
	snprintf(out, ADVICE_BYTES, "the ring was %" PRIu64 " %% full: disk or weir-keep stand still, or are slower than "
		 "the link; when it is full, datagrams are lost: raise ride_out_stall_ms, or lower the sender's rate",
		 size > 0 ? fill / (size / 100 + 1) : 0);
	return out;
}
