#include "policy/tokens/image_tokens.hpp"

#include <gtest/gtest.h>

#include <string>

namespace farebox {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

struct SizeRow {
  const char* what;
  std::string_view octets;
  std::uint32_t width;
  std::uint32_t height;
};

TEST(ImageSize, IsReadFromTheFirstOctets) {
  const SizeRow rows[] = {
      {"PNG", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xE0"sv, 640, 480},
      {"GIF", "GIF89a\x80\x02\xE0\x01"sv, 640, 480},
      {"JPEG", "\xFF\xD8\xFF\xE0\0\4ab\xFF\xFF\xFF\xC2\0\x11\x08\x01\xE0\x02\x80"sv, 640, 480},
      {"WebP", "RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xE0\x01"sv, 640, 480},
      {"WebP, extended", "RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0\x7F\x02\0\xDF\x01\0"sv, 640, 480},
      {"WebP, lossless", "RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x7F\xC2\x77\0\0\0\0\0\0"sv, 640, 480},
  };
  for (const SizeRow& row : rows) {
    const auto size = image_size(row.octets);
    ASSERT_TRUE(size) << row.what;
    EXPECT_EQ(size->width, row.width) << row.what;
    EXPECT_EQ(size->height, row.height) << row.what;
    for (std::size_t cut = 0; cut < row.octets.size(); ++cut) {
      image_size(std::string(row.octets.substr(0, cut)));  // reads nothing behind its end
    }
  }
}

TEST(ImageSize, OfADataUrlAsItStandsInJson) {
  const std::string png = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg";  // 640 x 480
  EXPECT_EQ(image_size_of_data_url("data:image/png;base64," + png)->width, 640u);
  EXPECT_EQ(image_size_of_data_url("data:image\\/png;base64," + png + "\\/AAAA")->height, 480u);
  for (const std::string_view none :
       {"https://example.com/a.png"sv, "data:image/png,abc"sv, "data:image/png;base64"sv,
        "data:image/png;base64,"sv, "data:;base64,AAAA"sv, ""sv}) {
    EXPECT_FALSE(image_size_of_data_url(none)) << none;
  }
}

TEST(ImageSize, OfAJpegBehindALongPreface) {
  std::string octets = "\xFF\xD8";
  for (int i = 0; i < 3; ++i) octets += "\xFF\xE1\xFF\xFF" + std::string(0xFFFD, 'x');
  octets += "\xFF\xC0"s + std::string("\0\x11\x08\x00\x20\x00\x40", 7);
  const auto size = image_size(octets);
  ASSERT_TRUE(size);
  EXPECT_EQ(size->width, 64u);
  EXPECT_EQ(size->height, 32u);
}

struct TokenRow {
  std::string_view model;
  ImageSize size;
  ImageDetail detail;
  std::uint64_t tokens;
};

// The rows with a recording are the numbers that were reported.
TEST(ImageTokens, FollowTheModel) {
  const TokenRow rows[] = {
      {"gpt-4o-2024-11-20", {1, 1}, ImageDetail::high, 255},           // recorded
      {"gpt-4o-2024-08-06", {2560, 1669}, ImageDetail::high, 1105},    // recorded
      {"gpt-4o", {1024, 1024}, ImageDetail::high, 765},                // the guide's example
      {"gpt-4o", {2048, 4096}, ImageDetail::high, 1105},               // the guide's example
      {"gpt-4o", {4096, 8192}, ImageDetail::low, 85},                  // the guide's example
      {"gpt-4o-mini", {1, 1}, ImageDetail::high, 8500},                // recorded
      {"openai/gpt-4o-mini", {2560, 1669}, ImageDetail::high, 36835},  // recorded
      {"gpt-5-2025-08-07", {640, 480}, ImageDetail::high, 350},        // recorded
      {"o4-mini-2025-04-16", {640, 480}, ImageDetail::high, 517},      // recorded
      {"gpt-5-nano", {16, 16}, ImageDetail::high, 3},                  // recorded
      {"gpt-5-nano", {2560, 1669}, ImageDetail::high, 2233},           // recorded
      {"gpt-4.1-nano", {128, 128}, ImageDetail::high, 41},             // recorded
      {"gpt-4.1-mini", {166, 282}, ImageDetail::high, 89},             // recorded
  };
  for (const TokenRow& row : rows) {
    const auto rule = image_rule(row.model);
    ASSERT_TRUE(rule) << row.model;
    EXPECT_EQ(image_tokens(*rule, row.size, row.detail), row.tokens)
        << row.model << " " << row.size.width << "x" << row.size.height;
  }
  EXPECT_FALSE(image_rule("gpt-3.5-turbo"));
}

TEST(ImageTokens, OfAnySizeAreAtMostTheMost) {
  for (const std::string_view model : {"gpt-4o", "gpt-5-mini", "o1"}) {
    const auto rule = image_rule(model);
    ASSERT_TRUE(rule);
    for (const std::uint32_t width : {0u, 1u, 31u, 33u, 768u, 2049u, 50'000u, 4'294'967'295u}) {
      for (const std::uint32_t height : {0u, 1u, 32u, 511u, 2048u, 9'999u, 4'294'967'295u}) {
        for (const ImageDetail detail : {ImageDetail::high, ImageDetail::low}) {
          EXPECT_LE(image_tokens(*rule, {width, height}, detail),
                    most_image_tokens(*rule, detail))
              << model << " " << width << "x" << height;
        }
      }
    }
  }
}

}  // namespace
}  // namespace farebox
