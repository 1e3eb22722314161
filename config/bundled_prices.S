// The text of config/prices.json as read-only data; see bundled_prices.hpp. The path
// is found through the include path, which holds the top of the source tree.

        .section .rodata
        .balign 64
        .global farebox_bundled_prices_begin
        .type farebox_bundled_prices_begin, %object
farebox_bundled_prices_begin:
        .incbin "config/prices.json"
        .global farebox_bundled_prices_end
        .type farebox_bundled_prices_end, %object
farebox_bundled_prices_end:
        .zero 128
        .size farebox_bundled_prices_begin, farebox_bundled_prices_end - farebox_bundled_prices_begin

        .section .note.GNU-stack, "", %progbits
