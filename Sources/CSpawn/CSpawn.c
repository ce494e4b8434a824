#define _GNU_SOURCE
#include "CSpawn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int cspawn_close_from(posix_spawn_file_actions_t *actions, int first)
{
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int cspawn_own_session(posix_spawnattr_t *attributes)
{
    short flags = 0;
    posix_spawnattr_getflags(attributes, &flags);
    return posix_spawnattr_setflags(attributes, (short)(flags | POSIX_SPAWN_SETSID));
}

int cspawn_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC);
}

int cspawn_temporary_file(void)
{
    char name[] = "/tmp/wherry-XXXXXX";
    int descriptor = mkostemp(name, O_CLOEXEC);
    if (descriptor >= 0)
        unlink(name);
    return descriptor;
}
