// farebox_pack_prices PRICES.json OUTPUT: what the build runs to pack the bundled table.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "config/price_packer.hpp"
#include "config/price_reader.hpp"

int main(int argc, char** argv) {
  using namespace farebox;
  if (argc != 3) {
    std::fprintf(stderr, "usage: farebox_pack_prices PRICES.json OUTPUT\n");
    return 64;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const Result<PriceFile> file = read_price_file(json, json.size(), argv[1]);
  if (!file) {
    std::fprintf(stderr, "%s\n", file.error().context.c_str());
    return 65;
  }
  const Result<std::string> octets =
      pack_prices(file->cards, file->version, SharedNames::refused);
  if (!octets) {
    std::fprintf(stderr, "%s\n", octets.error().context.c_str());
    return 65;
  }
  std::ofstream out(argv[2], std::ios::binary);
  out.write(octets->data(), static_cast<std::streamsize>(octets->size()));
  return out.flush() ? 0 : 74;
}
