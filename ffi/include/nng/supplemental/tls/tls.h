/* Configurations of TLS. */
#ifndef NNG_SUPPLEMENTAL_TLS_TLS_H
#define NNG_SUPPLEMENTAL_TLS_TLS_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_tls_config nng_tls_config;

typedef enum nng_tls_mode {
    NNG_TLS_MODE_CLIENT = 0,
    NNG_TLS_MODE_SERVER = 1
} nng_tls_mode;

/* Must the peer show a certificate? */
typedef enum nng_tls_auth_mode {
    NNG_TLS_AUTH_MODE_NONE = 0,
    NNG_TLS_AUTH_MODE_OPTIONAL = 1,
    NNG_TLS_AUTH_MODE_REQUIRED = 2
} nng_tls_auth_mode;

typedef enum nng_tls_version {
    NNG_TLS_1_0 = 0x301,
    NNG_TLS_1_1 = 0x302,
    NNG_TLS_1_2 = 0x303,
    NNG_TLS_1_3 = 0x304
} nng_tls_version;

/* A configuration is counted: hold adds one, free takes one away. NNG_ENOTSUP where the library was built without TLS. */
NNG_DECL int nng_tls_config_alloc(nng_tls_config **config, nng_tls_mode mode);
NNG_DECL void nng_tls_config_hold(nng_tls_config *config);
NNG_DECL void nng_tls_config_free(nng_tls_config *config);
NNG_DECL int nng_tls_config_server_name(nng_tls_config *config, const char *name);
/* Certificates and keys are texts in PEM. CRL may be NULL. */
NNG_DECL int nng_tls_config_ca_chain(nng_tls_config *config, const char *chain, const char *crl);
NNG_DECL int nng_tls_config_own_cert(nng_tls_config *config, const char *cert, const char *key, const char *password);
NNG_DECL int nng_tls_config_key(nng_tls_config *config, const uint8_t *key, size_t size);
NNG_DECL int nng_tls_config_pass(nng_tls_config *config, const char *password);
NNG_DECL int nng_tls_config_auth_mode(nng_tls_config *config, nng_tls_auth_mode mode);
NNG_DECL int nng_tls_config_ca_file(nng_tls_config *config, const char *path);
NNG_DECL int nng_tls_config_cert_key_file(nng_tls_config *config, const char *path, const char *password);
NNG_DECL int nng_tls_config_psk(nng_tls_config *config, const char *identity, const uint8_t *key, size_t size);
NNG_DECL int nng_tls_config_version(nng_tls_config *config, nng_tls_version min, nng_tls_version max);

/* What does the work: "none" without TLS. */
NNG_DECL const char *nng_tls_engine_name(void);
NNG_DECL const char *nng_tls_engine_description(void);
NNG_DECL bool nng_tls_engine_fips_mode(void);

#ifdef __cplusplus
}
#endif

#endif
