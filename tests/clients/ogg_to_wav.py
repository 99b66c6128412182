#!/usr/bin/env python3
"""Reads a sound file with libsndfile, which baresip brings along and which we have not written, and writes it as WAV."""
import ctypes
import ctypes.util
import sys
import wave


class Info(ctypes.Structure):
    _fields_ = [('frames', ctypes.c_int64), ('rate', ctypes.c_int), ('channels', ctypes.c_int),
                ('format', ctypes.c_int), ('sections', ctypes.c_int), ('seekable', ctypes.c_int)]


READ = 0x10
source, target = sys.argv[1:]
library = ctypes.CDLL(ctypes.util.find_library('sndfile') or 'libsndfile.so.1')
library.sf_open.restype = ctypes.c_void_p
library.sf_readf_short.restype = ctypes.c_int64
library.sf_readf_short.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
library.sf_strerror.restype = ctypes.c_char_p
info = Info()
file = library.sf_open(source.encode(), READ, ctypes.byref(info))
if not file:
    sys.exit('%s: %s' % (source, library.sf_strerror(None).decode()))
with wave.open(target, 'wb') as out:
    out.setnchannels(info.channels)
    out.setsampwidth(2)
    out.setframerate(info.rate)
    room = (ctypes.c_short * (info.channels * 4096))()
    while (count := library.sf_readf_short(file, room, 4096)) > 0:
        out.writeframes(bytes(room)[:count * info.channels * 2])
