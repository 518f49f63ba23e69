/* Maps from numbers to pointers that also choose the numbers. They have no lock of their own. */
#ifndef NNG_SUPPLEMENTAL_UTIL_IDHASH_H
#define NNG_SUPPLEMENTAL_UTIL_IDHASH_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_id_map_s nng_id_map;

/* Start with a random number. */
#define NNG_MAP_RANDOM 1

/* Numbers from LO to HI, both included. 0 as LO is 1, 0 as HI is 2^32 - 1. */
NNG_DECL int nng_id_map_alloc(nng_id_map **map, uint64_t lo, uint64_t hi, int flags);
/* Frees the map and not what it points to. */
NNG_DECL void nng_id_map_free(nng_id_map *map);
/* NULL if there is none. */
NNG_DECL void *nng_id_get(nng_id_map *map, uint64_t id);
NNG_DECL int nng_id_set(nng_id_map *map, uint64_t id, void *value);
/* Takes the next free number. */
NNG_DECL int nng_id_alloc(nng_id_map *map, uint64_t *id, void *value);
NNG_DECL int nng_id_remove(nng_id_map *map, uint64_t id);
/* Steps through the map, in no order; *CURSOR starts at 0. False at the end. The map must not change meanwhile. */
NNG_DECL bool nng_id_visit(nng_id_map *map, uint64_t *id, void **value, uint32_t *cursor);

#ifdef __cplusplus
}
#endif

#endif
