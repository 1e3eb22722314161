// What pack_vocabularies made of the rank files, as read-only data; see bundled.hpp. The
// build puts the directory of vocabularies.bin on the include path.

        .section .rodata
        .balign 64
        .global farebox_vocabularies
        .type farebox_vocabularies, %object
farebox_vocabularies:
        .incbin "vocabularies.bin"
        .size farebox_vocabularies, . - farebox_vocabularies

        .section .note.GNU-stack, "", %progbits
