/*
 * config: sender.conf and receiver.conf.  One table of keys serves both; a key that belongs to the
 * other side is refused.  Documented in sender/weir-sender.conf.5 and
 * receiver/weir-receiver.conf.5.
 */
#ifndef WEIR_CONFIG_H
#define WEIR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h" /* PROBLEM_BYTES */

enum { CONFIG_PATH_BYTES = 1024, ADDRESS_BYTES = 16, INTERFACE_BYTES = 16, CONFIG_PORT = 4747 };

enum config_side { CONFIG_SENDER, CONFIG_RECEIVER };

struct config {
	enum config_side side;
	/* [paths] */
	char registry[CONFIG_PATH_BYTES];
	char roots[CONFIG_PATH_BYTES];
	char runtime[CONFIG_PATH_BYTES];   /* sockets and shared pages; on a tmpfs */
	char spool[CONFIG_PATH_BYTES];     /* sender */
	char vault[CONFIG_PATH_BYTES];     /* receiver */
	char witness[CONFIG_PATH_BYTES];   /* notes how far spool or vault was; its path and ".witness" */
	/* [keys] */
	char box_key[CONFIG_PATH_BYTES];   /* key file of this box, unprotected */
	char link_key[CONFIG_PATH_BYTES];
	char psk_dir[CONFIG_PATH_BYTES];   /* sender: NAME.key for each recipient; see psks.h */
	/* [link] */
	char address[ADDRESS_BYTES];       /* sender: where to; receiver: where to listen */
	char source[ADDRESS_BYTES];        /* sender: local address to bind, "" for any */
	uint16_t port;
	uint32_t mtu;                      /* 1500 to 9000 */
	uint64_t rate_bits_per_s;          /* sender's, of IP packets; receiver: 0 when not given */
	uint32_t repair_permille;          /* sender; `repair_percent = 12.5` is 125 */
	uint32_t heal_percent;             /* sender; of the rate, when nothing new waits; 0: none */
	uint32_t survive_outage_ms;        /* sender; 0: not asked for */
	char interface[INTERFACE_BYTES];   /* the link NIC; "" only when is_unwatched */
	uint32_t absent;                   /* one bit a layer (layers.h) that this box does without */
	bool is_unwatched;                 /* `absent = all`: no weir-link is needed */
	uint32_t ride_out_stall_ms;        /* receiver, at `rate`; 0: the ring is of ring_bytes */
	uint64_t ring_bytes;               /* receiver: `ring_mib`; or the least, when sized by a stall */
	uint64_t socket_buffer_bytes;      /* receiver: `socket_buffer_mib` */
	/* [limits] */
	uint32_t disk_full_percent;        /* refuse above this fill; 90 */
	uint32_t scrub_days;               /* receiver: the vault is read again in so many; 7 */
	uint32_t seal_threads;             /* sender; 0: as many as there are cores */
	uint32_t unfinished_days;          /* receiver: what does not go on and is not offered is kept; 30 */
	uint32_t retention_days;           /* sender; 5 */
	uint32_t pass_repeat;              /* sender: passes of each bundle; 1 */
	/* [scan]; sender */
	bool has_scan;                     /* the section is there; its keys have defaults without it */
	char scan_socket[CONFIG_PATH_BYTES];    /* of clamd */
	char scan_temporary[CONFIG_PATH_BYTES]; /* clamd's TemporaryDirectory, for `check` */
	uint32_t scan_timeout_s;           /* for a member or window; 60 */
	uint64_t scan_max_bytes;           /* `max_mib`: what clamd takes in one file; 25 MiB */
};

/*
 * problem as in registry.h.  Relative paths in the file are relative to the file's folder.  The
 * file belongs to the effective user or root, and nobody else can write it:
 * VERDICT_LOOSE_PERMISSIONS.  VERDICT_BAD_CONFIGURATION; mandatory keys that are missing are all
 * named at once.  The systemd credentials box.key and link.key, where there are such, take the place of
 * box_key and link_key.
 */
int config_load(struct config *out, enum config_side side, const char *path,
		char problem[static PROBLEM_BYTES]);

/* The same of the side that the file is of, which `spool` and `vault` tell apart. */
int config_load_any(struct config *out, const char *path, char problem[static PROBLEM_BYTES]);

/* As config_load, from memory; folder stands before relative paths and ends with a slash, or is "". */
int config_parse(struct config *out, enum config_side side, const char *folder, const uint8_t *text,
		 size_t len, char problem[static PROBLEM_BYTES]);

#endif
