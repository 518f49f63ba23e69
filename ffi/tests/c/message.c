// Messages.
#include "show.h"

static void
show_msg(const char *what, nng_msg *m)
{
	printf("%s: header", what);
	for (size_t i = 0; i < nng_msg_header_len(m); i++) {
		printf(" %02x", ((unsigned char *) nng_msg_header(m))[i]);
	}
	printf(" body");
	for (size_t i = 0; i < nng_msg_len(m); i++) {
		printf(" %02x", ((unsigned char *) nng_msg_body(m))[i]);
	}
	printf(" pipe %u\n", nng_msg_get_pipe(m).id);
}

// The room around a body, and what is in it.
static void
rooms(void)
{
	static const size_t sizes[] = { 0, 1, 32, 46, 47, 64, 79, 100, 512, 1000, 1023, 1024, 1025, 2048, 4095, 65536, 100000 };
	nng_msg            *m, *dup;
	unsigned            seed = 1;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		MUST(nng_msg_alloc(&m, sizes[i]));
		printf("alloc %zu: capacity %zu", sizes[i], nng_msg_capacity(m));
		MUST(nng_msg_trim(m, sizes[i] / 2));
		MUST(nng_msg_reserve(m, sizes[i] + 40));
		MUST(nng_msg_dup(&dup, m));
		printf(" trimmed and reserved %zu copied %zu", nng_msg_capacity(m), nng_msg_capacity(dup));
		nng_msg_clear(m);
		printf(" cleared %zu\n", nng_msg_capacity(m));
		nng_msg_free(m);
		nng_msg_free(dup);
	}
	// What is behind the end comes back; and what is written there.
	MUST(nng_msg_alloc(&m, 0));
	MUST(nng_msg_append(m, "hello, world", 12));
	MUST(nng_msg_realloc(m, 5));
	show_msg("shorter", m);
	MUST(nng_msg_realloc(m, 12));
	show_msg("longer", m);
	MUST(nng_msg_chop(m, 5));
	MUST(nng_msg_append(m, NULL, 2));
	show_msg("appended nothing", m);
	memcpy((char *) nng_msg_body(m) + nng_msg_len(m), "xyz", 3);
	MUST(nng_msg_realloc(m, nng_msg_len(m) + 3));
	show_msg("written behind", m);
	MUST(nng_msg_trim(m, 4));
	MUST(nng_msg_insert(m, "HELL", 4));
	show_msg("inserted", m);
	nng_msg_free(m);
	// A walk: 500 steps, each as NNG's.
	MUST(nng_msg_alloc(&m, 10));
	for (int i = 0; i < 500; i++) {
		char   bytes[200];
		size_t n;
		seed = seed * 1103515245u + 12345u;
		n    = (seed >> 16) % 90;
		memset(bytes, 'a' + i % 26, sizeof(bytes));
		switch ((seed >> 24) % 8) {
		case 0:
		case 1:
			MUST(nng_msg_append(m, bytes, n));
			break;
		case 2:
			// No more than there is room for: NNG loses bytes when it moves them.
			MUST(nng_msg_insert(m, bytes, n % 8));
			MUST(nng_msg_trim(m, n % 8));
			break;
		case 3:
			SHOW(nng_msg_trim(m, n));
			break;
		case 4:
			SHOW(nng_msg_chop(m, n));
			break;
		case 5:
			MUST(nng_msg_reserve(m, 3 * n));
			break;
		case 6:
			MUST(nng_msg_realloc(m, nng_msg_len(m) / 2));
			break;
		default:
			if (i % 5 == 0) {
				nng_msg_clear(m);
			}
		}
		unsigned hash = 0;
		for (size_t k = 0; k < nng_msg_len(m); k++) {
			hash = hash * 31 + ((unsigned char *) nng_msg_body(m))[k];
		}
		printf("step %d: len %zu capacity %zu hash %08x\n", i, nng_msg_len(m), nng_msg_capacity(m), hash);
	}
	nng_msg_free(m);
}

int
main(void)
{
	nng_msg *m, *dup;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;
	nng_pipe p   = { 77 };

	SHOW(nng_msg_alloc(&m, 3));
	show_msg("zeros", m);
	memcpy(nng_msg_body(m), "abc", 3);
	SHOW(nng_msg_append(m, "def", 3));
	SHOW(nng_msg_insert(m, "__", 2));
	show_msg("built", m);
	SHOW(nng_msg_trim(m, 1));
	SHOW(nng_msg_chop(m, 2));
	SHOW(nng_msg_trim(m, 100));
	SHOW(nng_msg_chop(m, 100));
	show_msg("cut", m);
	SHOW(nng_msg_append_u16(m, 0x0102));
	SHOW(nng_msg_append_u32(m, 0x03040506));
	SHOW(nng_msg_append_u64(m, 0x0708090a0b0c0d0eULL));
	SHOW(nng_msg_insert_u16(m, 0x1112));
	SHOW(nng_msg_insert_u32(m, 0x13141516));
	SHOW(nng_msg_insert_u64(m, 0x1718191a1b1c1d1eULL));
	show_msg("words", m);
	SHOW(nng_msg_dup(&dup, m));
	SHOW(nng_msg_chop_u64(m, &u64));
	printf("%llx\n", (unsigned long long) u64);
	SHOW(nng_msg_chop_u32(m, &u32));
	printf("%x\n", u32);
	SHOW(nng_msg_chop_u16(m, &u16));
	printf("%x\n", u16);
	SHOW(nng_msg_trim_u64(m, &u64));
	printf("%llx\n", (unsigned long long) u64);
	SHOW(nng_msg_trim_u32(m, &u32));
	printf("%x\n", u32);
	SHOW(nng_msg_trim_u16(m, &u16));
	printf("%x\n", u16);
	show_msg("taken", m);
	SHOW(nng_msg_chop_u64(m, &u64));
	SHOW(nng_msg_trim_u64(m, &u64));

	SHOW(nng_msg_header_append_u16(m, 0x2122));
	SHOW(nng_msg_header_append_u32(m, 0x23242526));
	SHOW(nng_msg_header_append_u64(m, 0x2728292a2b2c2d2eULL));
	SHOW(nng_msg_header_insert_u16(m, 0x3132));
	SHOW(nng_msg_header_insert_u32(m, 0x33343536));
	SHOW(nng_msg_header_insert_u64(m, 0x3738393a3b3c3d3eULL));
	SHOW(nng_msg_header_append(m, "xy", 2));
	SHOW(nng_msg_header_insert(m, "zw", 2));
	show_msg("header", m);
	SHOW(nng_msg_header_trim(m, 2));
	SHOW(nng_msg_header_chop(m, 2));
	SHOW(nng_msg_header_trim(m, 1000));
	SHOW(nng_msg_header_chop(m, 1000));
	SHOW(nng_msg_header_trim_u64(m, &u64));
	SHOW(nng_msg_header_trim_u32(m, &u32));
	SHOW(nng_msg_header_trim_u16(m, &u16));
	printf("%llx %x %x\n", (unsigned long long) u64, u32, u16);
	SHOW(nng_msg_header_chop_u64(m, &u64));
	SHOW(nng_msg_header_chop_u32(m, &u32));
	SHOW(nng_msg_header_chop_u16(m, &u16));
	printf("%llx %x %x\n", (unsigned long long) u64, u32, u16);
	SHOW(nng_msg_header_chop_u16(m, &u16));
	SHOW(nng_msg_header_trim_u32(m, &u32));
	((unsigned char *) nng_msg_header(dup))[0] = 0;
	for (int i = 0; i < 8; i++) {
		MUST(nng_msg_header_append_u64(m, i));
	}
	SHOW(nng_msg_header_append(m, "x", 1));
	SHOW(nng_msg_header_insert_u16(m, 1));
	((unsigned char *) nng_msg_header(m))[63] = 0xff;
	show_msg("full header", m);
	nng_msg_header_clear(m);
	nng_msg_clear(m);
	show_msg("cleared", m);
	show_msg("copy", dup);
	nng_msg_set_pipe(dup, p);
	show_msg("pipe", dup);

	SHOW(nng_msg_realloc(m, 5));
	memset(nng_msg_body(m), 7, 5);
	SHOW(nng_msg_realloc(m, 3));
	show_msg("realloc", m);
	SHOW(nng_msg_reserve(m, 1000));
	NUMBER(nng_msg_capacity(m) >= 1000);
	void *at = nng_msg_body(m);
	for (int i = 0; i < 100; i++) {
		MUST(nng_msg_append(m, "0123456789", 10 - (i == 0 ? 3 : 0)));
	}
	NUMBER(nng_msg_body(m) == at);
	NUMBER(nng_msg_len(m));
	nng_msg_free(m);
	nng_msg_free(dup);

	// Long ones: the copy is one of its own.
	MUST(nng_msg_alloc(&m, 100000));
	memset(nng_msg_body(m), 1, 100000);
	MUST(nng_msg_dup(&dup, m));
	memset(nng_msg_body(m), 2, 100000);
	NUMBER(((char *) nng_msg_body(dup))[99999]);
	NUMBER(((char *) nng_msg_body(m))[99999]);
	at = nng_msg_body(dup);
	NUMBER(nng_msg_body(dup) == at);
	nng_msg_free(m);
	nng_msg_free(dup);
	nng_msg_free(NULL);
	rooms();
	return (0);
}
