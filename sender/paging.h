/*
 * paging: on which page of the catalogue each released bundle stands, and which pages have to be made anew.  LINK.md 2.
 *
 * A bundle keeps its place as long as it is in the spool, so that one that comes, goes, or has had a pass changes one page
 * and leaves the others as they were signed.  What comes takes places that have become free.  When so much has gone that more
 * than half of the pages could be spared, all is placed anew.  Pure: no clock, no file; the simulator runs it as it is.
 */
#ifndef WEIR_PAGING_H
#define WEIR_PAGING_H

#include "orders.h"
#include "spool.h"

/* Filled with zeros nothing has been made yet. */
struct paging {
	uint32_t page_count;
	uint32_t newest;                     /* the page that took a bundle last */
	uint64_t time_s;                     /* when a page was made last */
	uint64_t made[ORDERS_CONTROL_MAX];   /* generation in which each was made; 0: it is to be made */
	uint16_t count[ORDERS_CONTROL_MAX];  /* bundles on it */
	struct spool_item *at[SPOOL_BUNDLES_MAX]; /* PAGE_ENTRIES_MAX places a page; NULL: free */
};

/* Passes of a bundle that have ended, as the catalogue tells of them. */
uint16_t paging_passes(const struct spool_item *item);

/*
 * Takes note of all released bundles, newest release first, as they are now: afterwards made is 0 where a page has to be made.
 * How many these are.  Where the clock was set back since, all are: no page is to be of a later time than a newer one.
 */
uint32_t paging_follow(struct paging *paging, struct spool_item *const *items, size_t count, uint64_t now_s);
/* What pages that are to be made in this generation, the newest, say of all (struct page): how old they are, added up. */
uint64_t paging_age(const struct paging *paging, uint64_t generation);
/* They were made. */
void paging_made(struct paging *paging, uint64_t generation, uint64_t now_s);

#endif
