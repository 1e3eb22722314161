"""Compressed answers that unpack to far more than they are, made without unpacking anything."""

import ctypes
import ctypes.util
import gzip
import struct
import zlib

MIB = 1 << 20


def gzip_bomb(mib):
    """A deflate block of 1 MiB, so many times: after a full flush it stands for itself."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    checksum = 0                        # nobody gets as far as to compare it
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + block * mib + end
            + struct.pack("<II", checksum, (mib * MIB) & 0xFFFFFFFF))


def zstd_bomb(mib):
    """RFC 8878, 3.1.1: a frame of RLE blocks of 128 KiB, four octets each."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0b00000000, 0x50])    # window of 1 MiB, size unknown
    size = 128 << 10
    block = struct.pack("<I", size << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", size << 3 | 1 << 1 | 1)[:3] + b"\0"
    return header + block * (mib * 8 - 1) + last


def brotli_bomb(mib):
    """Through libbrotlienc; None where there is none."""
    name = ctypes.util.find_library("brotlienc") or "libbrotlienc.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    library.BrotliEncoderCreateInstance.restype = ctypes.c_void_p
    library.BrotliEncoderCreateInstance.argtypes = [ctypes.c_void_p] * 3
    library.BrotliEncoderSetParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.BrotliEncoderCompressStream.argtypes = [
        ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_char_p),
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p]
    library.BrotliEncoderDestroyInstance.argtypes = [ctypes.c_void_p]
    state = library.BrotliEncoderCreateInstance(None, None, None)
    library.BrotliEncoderSetParameter(state, 1, 2)      # quality
    out, zeros = b"", bytes(MIB)
    for number in range(mib):
        left, given = ctypes.c_size_t(MIB), ctypes.c_char_p(zeros)
        operation = 2 if number == mib - 1 else 0       # finish, or process
        while True:
            buffer = ctypes.create_string_buffer(1 << 16)
            room, place = ctypes.c_size_t(len(buffer)), ctypes.c_void_p(ctypes.addressof(buffer))
            library.BrotliEncoderCompressStream(state, operation, left, given, room, place, None)
            out += buffer.raw[:len(buffer) - room.value]
            if left.value == 0 and room.value:
                break
    library.BrotliEncoderDestroyInstance(state)
    return out


def nested(octets, times=1):
    for _ in range(times):
        octets = gzip.compress(octets, 6)
    return octets
