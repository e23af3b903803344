/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's "closed" library in miniature, with the faults of real ones.
 *
 * The file named by ACME_FAULT_FILE says what goes wrong; empty: nothing.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 64, HEIGHT = 48 };
enum { ACME_OK = 0, ACME_NOT_PERMITTED = -1, ACME_BUSY = -2, ACME_GONE = -3, ACME_LIFTED = -4 };

static int has_fault(const char *word) {
    char said[32] = "";
    const char *path = getenv("ACME_FAULT_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (file) {
        if (!fgets(said, sizeof said, file)) said[0] = 0;
        fclose(file);
    }
    return strcmp(said, word) == 0;
}

int acme_open(void) {
    printf("acme_ice 1.0 is ready\n");
    fflush(stdout);
    if (has_fault("crash on open")) *(volatile int *)8 = 1;
    if (has_fault("hang on open")) for (;;) pause();
    return has_fault("busy") ? ACME_BUSY : ACME_OK;
}

int acme_finger_is_on(void) { return !has_fault("no finger"); }

int acme_capture(unsigned char *pixels, int room, int *width, int *height) {
    if (has_fault("segfault")) *(volatile int *)8 = 1;
    if (has_fault("abort")) abort();
    if (has_fault("divide")) raise(SIGFPE);
    if (has_fault("exit")) exit(3);
    if (has_fault("hang")) for (;;) pause();
    if (has_fault("spin")) for (volatile int turn = 0;; turn++) {}
    if (has_fault("stop")) raise(SIGSTOP);
    if (has_fault("lifted")) return ACME_LIFTED;
    if (has_fault("gone")) return ACME_GONE;
    if (has_fault("unknown code")) return -99;
    if (has_fault("scribble")) /* a library that writes where it should not */
        for (int file = 3; file < 256; file++) (void)!write(file, "\xff\xfe{", 3);
    if (has_fault("close")) /* and one that closes what is not its own */
        for (int file = 3; file < 256; file++) close(file);
    if (has_fault("chatter"))
        for (int line = 0; line < 100000; line++) fprintf(stderr, "debug %d\n", line);
    if (has_fault("daemon") && fork() == 0) {
        setsid();
        sleep(30);
        _exit(0);
    }
    if (has_fault("huge")) {
        *width = *height = 30000;
        return ACME_OK;
    }
    if (has_fault("negative")) {
        *width = -WIDTH;
        *height = -HEIGHT;
        return ACME_OK;
    }
    *width = WIDTH;
    *height = HEIGHT;
    if (has_fault("forgets")) return ACME_OK; /* to write the picture */
    if (room < WIDTH * HEIGHT) return -99;
    for (int at = 0; at < WIDTH * HEIGHT; at++) pixels[at] = (at % WIDTH) * 3;
    return ACME_OK;
}

void acme_close(void) {
    if (has_fault("hang on close")) for (;;) pause();
    printf("closed\n");
    fflush(stdout);
}
