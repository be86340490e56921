"""Read by every Python that vLLM starts. Its kernels use a CPU's AMX tiles where there are any, without asking Linux for them,
and end with an illegal instruction where nothing else has asked."""

import ctypes
import platform

ARCH_PRCTL = 158
REQUEST_PERMISSION = 0x1023
TILE_DATA = 18

if platform.machine() == "x86_64":
    # Refused where the CPU has no tiles: then nobody uses them.
    ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA)
