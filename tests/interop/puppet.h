// What both puppets share: lines in, lines out, and the bytes of a message.

#include <stdarg.h>
#include <stdbool.h>

#define TIMEOUT_MS 20000
#define WORDS 4

// Byte i of a message of n bytes. The same as in peer.rs.
static unsigned char pattern(size_t i, size_t n) { return (unsigned char)(i * 31 + (i >> 8) * 7 + n); }

static void fill(void *buf, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((unsigned char *)buf)[i] = pattern(i, n);
    }
}

static bool right(const void *buf, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (((const unsigned char *)buf)[i] != pattern(i, n)) {
            return false;
        }
    }
    return true;
}

static void say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

// Obeys each line until standard input ends.
static void puppet(void (*obey)(char **words, int n)) {
    static char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *words[WORDS];
        int n = 0;
        for (char *word = strtok(line, " \n"); word != NULL && n < WORDS; word = strtok(NULL, " \n")) {
            words[n++] = word;
        }
        for (int i = n; i < WORDS; i++) {
            words[i] = "";
        }
        if (n > 0) {
            obey(words, n);
        }
    }
}
