/* What glibc declares only under _GNU_SOURCE, which Swift's Glibc module does not set: starting a child that
 * inherits nothing by accident. */
#pragma once
#include <spawn.h>

/* Closes every descriptor from `first` on in the child. */
int cspawn_close_from(posix_spawn_file_actions_t *actions, int first);

/* Makes the child the leader of a session of its own. */
int cspawn_own_session(posix_spawnattr_t *attributes);

/* pipe2(2) with O_CLOEXEC; 0 or -1. */
int cspawn_pipe(int ends[2]);

/* A nameless file in /tmp, closed on exec; its descriptor or -1. */
int cspawn_temporary_file(void);
