#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <stdlib.h>

#include "io.h"

/* As the program has it in its map, once for each processor. */
struct count {
	uint64_t frames;
	uint64_t bytes;
};

struct xdp {
	int program_fd;
	int map_fd;
	unsigned int id;
	size_t processors;
	struct count *counts;
};

/* ---- the program ---- */

#define OP(code_, dst_, src_, off_, imm_) \
	((struct bpf_insn){.code = (code_), .dst_reg = (dst_), .src_reg = (src_), .off = (off_), .imm = (imm_)})
#define MOVE(dst, src) OP(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOVE_NUMBER(dst, number) OP(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number)
#define ADD(dst, src) OP(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define ADD_NUMBER(dst, number) OP(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, number)
#define LOAD(dst, src, off) OP(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE(dst, off, src) OP(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define CALL(helper) OP(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define SKIP_IF_ZERO(dst, count) OP(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, count, 0)

/*
 * length = bpf_xdp_get_buff_len(context); count = map[0] of this processor; count.frames++;
 * count.bytes += length; drop
 */
static int load_program(int map_fd)
{
	const struct bpf_insn program[] = {
		CALL(BPF_FUNC_xdp_get_buff_len),
		MOVE(BPF_REG_6, BPF_REG_0),
		OP(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		MOVE(BPF_REG_2, BPF_REG_10),
		ADD_NUMBER(BPF_REG_2, -4),
		OP(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd),
		OP(0, 0, 0, 0, 0),
		CALL(BPF_FUNC_map_lookup_elem),
		SKIP_IF_ZERO(BPF_REG_0, 6),
		LOAD(BPF_REG_1, BPF_REG_0, offsetof(struct count, frames)),
		ADD_NUMBER(BPF_REG_1, 1),
		STORE(BPF_REG_0, offsetof(struct count, frames), BPF_REG_1),
		LOAD(BPF_REG_1, BPF_REG_0, offsetof(struct count, bytes)),
		ADD(BPF_REG_1, BPF_REG_6),
		STORE(BPF_REG_0, offsetof(struct count, bytes), BPF_REG_1),
		MOVE_NUMBER(BPF_REG_0, XDP_DROP),
		OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	/* no helper that it calls asks for a licence */
	return bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_drop", "Proprietary", program, sizeof(program) / sizeof(program[0]), NULL);
}

/* ---- loading ---- */

static int find_id(struct xdp *xdp)
{
	struct bpf_prog_info info = {.id = 0};
	uint32_t len = sizeof(info);
	int result = bpf_obj_get_info_by_fd(xdp->program_fd, &info, &len);
	xdp->id = info.id;
	return result < 0 ? -errno : 0;
}

static int attach(const struct xdp *xdp, unsigned int index)
{
	int result = bpf_xdp_attach((int)index, xdp->program_fd, XDP_FLAGS_DRV_MODE, NULL);
	/* the driver cannot, or frames are too large for it, or one is attached behind it already */
	return result < 0 ? bpf_xdp_attach((int)index, xdp->program_fd, XDP_FLAGS_SKB_MODE, NULL) : 0;
}

static int load(struct xdp *xdp, unsigned int index)
{
	int processors = libbpf_num_possible_cpus();
	if (processors <= 0)
		return processors < 0 ? processors : -EINVAL;
	xdp->processors = (size_t)processors;
	xdp->counts = calloc(xdp->processors, sizeof(xdp->counts[0]));
	if (xdp->counts == NULL)
		return -ENOMEM;
	xdp->map_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "weir_count", sizeof(uint32_t), sizeof(struct count), 1,
				     NULL);
	if (xdp->map_fd < 0)
		return -errno;
	xdp->program_fd = load_program(xdp->map_fd);
	if (xdp->program_fd < 0)
		return -errno;
	int result = find_id(xdp);
	return result == 0 ? attach(xdp, index) : result;
}

int xdp_load(struct xdp **out, unsigned int interface_index)
{
	struct xdp *xdp = calloc(1, sizeof(*xdp));
	if (xdp == NULL)
		return -ENOMEM;
	xdp->map_fd = xdp->program_fd = -1;
	/* what it says on stderr is ours to say */
	(void)libbpf_set_print(NULL);
	int result = load(xdp, interface_index);
	if (result != 0) {
		xdp_free(xdp);
		return result;
	}
	*out = xdp;
	return 0;
}

void xdp_free(struct xdp *xdp)
{
	if (xdp == NULL)
		return;
	io_close(xdp->program_fd);
	io_close(xdp->map_fd);
	free(xdp->counts);
	free(xdp);
}

unsigned int xdp_id(const struct xdp *xdp)
{
	return xdp->id;
}

int xdp_frames(const struct xdp *xdp, uint64_t *frames, uint64_t *bytes)
{
	const uint32_t key = 0;
	struct count sum = {0, 0};
	if (bpf_map_lookup_elem(xdp->map_fd, &key, xdp->counts) < 0)
		return -errno;
	for (size_t i = 0; i < xdp->processors; i++) {
		sum.frames += xdp->counts[i].frames;
		sum.bytes += xdp->counts[i].bytes;
	}
	*frames = sum.frames;
	*bytes = sum.bytes;
	return 0;
}
