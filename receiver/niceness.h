/*
 * niceness: who goes first when the processors are wanted by more than there are.
 *
 * A datagram that catch does not take in time is lost, and taking one costs little: it goes before everything.  What keep does
 * not take from the ring in time is lost as well, but there it can wait; and the sooner it is taken the less it costs, since it
 * is still in the processor's cache: with both boxes on two cores, of which a sender's encoder wanted one, weir-keep took a
 * sixth less of them at MTU 9000.
 */
#ifndef WEIR_NICENESS_H
#define WEIR_NICENESS_H

enum {
	NICENESS_CATCH = -10,
	NICENESS_KEEP = -5,
};

/*
 * For this thread and those that it starts.  Only where it is permitted (CAP_SYS_NICE, or the unit, which says the same);
 * elsewhere all have their turn alike.
 */
void niceness_ask(int niceness);

#endif
