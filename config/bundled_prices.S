// The packed price table as read-only data; see bundled_prices.hpp. The file is found
// through the include path, which holds the directory the build writes it to.

        .section .rodata
        .balign 64
        .global farebox_bundled_prices_begin
        .type farebox_bundled_prices_begin, %object
farebox_bundled_prices_begin:
        .incbin "bundled_prices.bin"
        .global farebox_bundled_prices_end
        .type farebox_bundled_prices_end, %object
farebox_bundled_prices_end:
        .zero 8
        .size farebox_bundled_prices_begin, farebox_bundled_prices_end - farebox_bundled_prices_begin

        .section .note.GNU-stack, "", %progbits
