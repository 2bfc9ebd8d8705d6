/*
 * layers: what keeps the link one-way besides the fibre, and whether each layer holds, from what was read
 * of the box (linkread.h, nft.h, xdp.h).  LAYERS.md 1.  Nothing here makes a system call.
 */
#ifndef WEIR_LAYERS_H
#define WEIR_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum layer {
	LAYER_NIC,
	LAYER_ROLE,
	LAYER_ARP, /* from here on they can be named as absent */
	LAYER_MULTICAST,
	LAYER_IPV6,
	LAYER_NEIGHBOUR,
	LAYER_ROUTE,
	LAYER_FORWARDING,
	LAYER_BRIDGE,
	LAYER_LLDP,
	LAYER_PAUSE,
	LAYER_NFT,
	LAYER_XDP,
	LAYER_COUNT,
};

enum layer_state { LAYER_HOLDS, LAYER_MISSING, LAYER_ABSENT };

enum {
	LAYER_TEXT_BYTES = 201,  /* of what was found, and of the command that mends it */
	LAYER_NAMES_BYTES = 128, /* of all names with blanks between */
	LINK_NAME_BYTES = 16,    /* IFNAMSIZ */
	LINK_ADDRESS_BYTES = 46, /* INET6_ADDRSTRLEN */
	LINK_WHERE_BYTES = 128,
};

struct layer_finding {
	enum layer_state state;
	char found[LAYER_TEXT_BYTES]; /* what is wrong, one clause; "" unless missing */
	char mend[LAYER_TEXT_BYTES];  /* what to type; "" unless missing */
};

enum route_kind { ROUTE_NONE, ROUTE_DIRECT, ROUTE_GATEWAY, ROUTE_OTHER };
enum lldp_source { LLDP_NOBODY, LLDP_DAEMON, LLDP_NETWORKD, LLDP_FIRMWARE, LLDP_SOCKET };
enum rules_state { RULES_NOT_LOADED, RULES_LOADED, RULES_GONE, RULES_CHANGED };

/* What was read.  Names of other interfaces may hold anything; they are escaped when they are shown. */
struct link_reading {
	int failure[LAYER_COUNT];                /* -errno: what this layer needs could not be read */
	/* nic */
	unsigned int index;                      /* 0: there is no such interface */
	bool is_another;                         /* not the one for which the rules were loaded */
	bool has_arp, has_multicast;
	/* role */
	bool has_other_rules;                    /* the table of the other role names this NIC */
	/* multicast */
	char group[32];                          /* the first that is too many, "01:00:5e:00:00:fb"; "": none */
	/* ipv6 */
	bool has_ipv6, has_ipv6_address;
	/* neighbour */
	bool has_neighbour;                      /* a permanent entry for the address of the configuration */
	char dynamic[LINK_ADDRESS_BYTES];        /* the first entry that is not permanent; "": none */
	/* route */
	enum route_kind route;
	char route_name[LINK_NAME_BYTES];        /* the interface that it takes */
	/* forwarding */
	char forwarder[LINK_NAME_BYTES];         /* the first interface that forwards; "": none */
	bool has_proxy_arp;
	/* bridge */
	char master[LINK_NAME_BYTES];            /* "": none */
	char upper[LINK_NAME_BYTES];
	/* lldp */
	enum lldp_source lldp;
	char lldp_where[LINK_WHERE_BYTES];       /* the daemon, the file, the NIC's flag */
	/* pause */
	bool sends_pause, obeys_pause;
	/* nft */
	enum rules_state rules;
	char rules_failure[LAYER_TEXT_BYTES / 2]; /* why they are not loaded */
	/* xdp */
	unsigned int program;                    /* that is attached; 0: none */
	unsigned int loaded;                     /* that we have attached; 0: none */
	int xdp_failure;                         /* -errno: why not */
};

/* "arp".  Never NULL. */
const char *layer_name(enum layer layer);
/* -ENOENT when there is none of this name. */
int layer_from_name(const char *name, size_t len);
bool layer_is_of(enum layer layer, enum config_side side);
/* What it is, and why it matters: one clause each. */
const char *layer_what(enum layer layer);
const char *layer_why(enum layer layer);

/* "xdp lldp", "all", or "" when the configuration names none as absent.  Gives out. */
char *layers_absent(char out[static LAYER_NAMES_BYTES], const struct config *config);
bool layer_is_absent(enum layer layer, const struct config *config);

/*
 * Judges every layer of the side.  reload is the command that has weir-link load its rules again.  Layers of the
 * other side hold.
 */
void layers_judge(struct layer_finding out[static LAYER_COUNT], const struct link_reading *reading,
		  const struct config *config, const char *reload);

#endif
