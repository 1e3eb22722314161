// Where a virtual key may stand, and that it goes no further.
#include "proxy/presented_key.hpp"

#include <gtest/gtest.h>

#include "proxy/headers.hpp"
#include "tests/support/make_provider.hpp"

namespace farebox {
namespace {

const std::string kKey = "fb-" + std::string(43, 'A');
const std::string kOther = "fb-" + std::string(43, 'B');

struct Row {
  std::string target, fields;
  std::string text;  // empty: none is presented
  bool unclear = false, beside = false, provider_key = false;
};

TEST(PresentedKey, IsFoundInEveryPlace) {
  const std::vector<Row> rows = {
      {"/", "", ""},
      {"/", "Authorization: Bearer " + kKey + "\r\n", kKey},
      {"/", "authorization: bearer  " + kKey + "\r\n", kKey},
      {"/", "Authorization: " + kKey + "\r\n", kKey},
      {"/", "X-Api-Key: " + kKey + "\r\n", kKey},
      {"/", "api-key: " + kKey + "\r\n", kKey},
      {"/", "x-goog-api-key: " + kKey + "\r\n", kKey},
      {"/?key=" + kKey, "", kKey},
      {"/?a=b&key=" + kKey, "", kKey},
      {"/?key=fb%2D" + kKey.substr(3), "", kKey},
      {"/", "X-Farebox-Key: " + kKey + "\r\n", kKey, false, true},
      {"/", "Authorization: Bearer sk-1\r\nx-farebox-key: " + kKey + "\r\n", kKey, false, true, true},
      {"/", "x-api-key: sk-1\r\nAuthorization: Bearer " + kKey + "\r\n", kKey, false, false, true},
      {"/?key=AIza", "x-goog-api-key: " + kKey + "\r\n", kKey, false, false, true},
      {"/", "Authorization: Bearer " + kKey + "\r\nx-api-key: " + kKey + "\r\n", kKey},
      {"/", "Authorization: Bearer " + kKey + "\r\nx-api-key: " + kOther + "\r\n", kOther, true},
      {"/?key=" + kOther, "Authorization: Bearer " + kKey + "\r\n", kOther, true},
      {"/", "x-farebox-key: nonsense\r\n", "", true, true},
      {"/", "x-farebox-key:\r\n", "", true, true},
      {"/", "Authorization: Bearer sk-1\r\n", "", false, false, true},
      // What begins like one and is none is a wrong key, never the provider's.
      {"/", "Authorization: Basic " + kKey + "=\r\n", "", true},
      {"/", "Authorization: Bearer " + kKey.substr(1) + "\r\n", "", false, false, true},
      {"/", "Authorization: Bearer " + kKey + "x\r\n", "", true},
      {"/", "Authorization: Bearer " + kKey.substr(0, 45) + "\r\n", "", true},
      {"/", "Authorization: Bearer " + kKey + ",\r\n", "", true},
      {"/", "x-goog-api-key: " + kKey + "=\r\n", "", true},
      {"/?key=fb-short", "", "", true},
      {"/", "Authorization: Bearer eyJ.fb-x.y\r\n", "", false, false, true},
      // A second credential in one field.
      {"/", "Authorization: Bearer " + kKey + ", Bearer " + kOther + "\r\n", "", true},
      {"/", "Authorization: Bearer " + kKey + ", Bearer sk-1\r\n", "", true},
      {"/", "Authorization: Bearer sk-1, Bearer " + kKey + "\r\n", kKey},
      {"/", "Authorization: Bearer " + kKey + "\r\nAuthorization: Bearer " + kOther + "\r\n", kOther, true},
      {"/", "Authorization: Bearer " + kKey + "\r\nAuthorization: Bearer sk-1\r\n", kKey, false, false, true},
      // What APIs call the parameter.
      {"/?KEY=" + kKey, "", kKey},
      {"/?api_key=" + kKey, "", kKey},
      {"/?api-key=" + kKey, "", kKey},
      {"/?apiKey=" + kKey, "", kKey},
      {"/?access_token=" + kKey, "", kKey},
      {"/?%6bey=" + kKey, "", kKey},
      {"/?key=" + kKey + "&API_KEY=" + kKey, "", kKey},
      {"/?key=" + kKey + "&api_key=" + kOther, "", kKey, true},
      {"/", "Cookie: " + kKey + "\r\n", ""},
  };
  for (const Row& row : rows) {
    const std::string text = "GET " + row.target + " HTTP/1.1\r\nHost: a\r\n" + row.fields + "\r\n";
    http::RequestHead head;
    ASSERT_TRUE(http::parse_request(text, {}, head)) << text;
    const PresentedKey found = find_presented_key(head, nullptr, KeySearch::usual_places);
    EXPECT_EQ(found.presented, !row.text.empty() || row.unclear) << text;
    EXPECT_EQ(found.text, row.text) << text;
    EXPECT_EQ(found.unclear, row.unclear) << text;
    EXPECT_EQ(found.beside, row.beside) << text;
    EXPECT_EQ(found.provider_key, row.provider_key) << text;
  }
}

TEST(PresentedKey, StraysAreFoundWhereKeysAreInUse) {
  struct Stray {
    std::string target, fields;
    std::string where;  // empty: there is none
  };
  const std::string bearer = "Authorization: Bearer " + kKey + "\r\n";
  const std::string basic = "Authorization: Basic eDpmYi1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
                            "QUFBQUFBQUFB\r\n";  // "x:" and kKey
  const std::vector<Stray> rows = {
      {"/", bearer, ""},
      {"/", "Cookie: a=b; k=" + kKey + "\r\n", "Cookie"},
      {"/", "X-Auth-Token: " + kKey + "\r\n", "X-Auth-Token"},
      {"/", "Helicone-Auth: Bearer " + kKey + "\r\n", "Helicone-Auth"},
      {"/", basic, "Authorization"},
      {"/", bearer + "Cookie: k=" + kOther + "\r\n", "Cookie"},
      {"/", bearer + "Cookie: k=" + kKey + "\r\n", ""},  // that field doesn't pass
      {"/", bearer + "x-farebox-user: " + kKey + "\r\n", "x-farebox-user"},
      {"/", bearer + "x-farebox-tags: a=" + kKey + "\r\n", "x-farebox-tags"},
      {"/?a=" + kKey, "", "the URL"},
      {"/?a=" + kKey, bearer, ""},  // nor does that parameter
      {"/?" + kKey, bearer, "the URL"},
      {"/?a=" + kOther, bearer, "the URL"},
      {"/v1/" + kKey + "/chat", bearer, "the URL"},
      {"/v1/fb%2D" + kKey.substr(3), "", "the URL"},
      // Too long, too short, or a part of something else.
      {"/", "Cookie: k=" + kKey + "A\r\n", ""},
      {"/", "Cookie: k=x" + kKey + "\r\n", ""},
      {"/", "X-Request-Id: fb-1234\r\n", ""},
      {"/fb-1234?q=fb-" + std::string(42, 'A'), "", ""},
  };
  for (const Stray& row : rows) {
    const std::string text = "GET " + row.target + " HTTP/1.1\r\nHost: a\r\n" + row.fields + "\r\n";
    http::RequestHead head;
    ASSERT_TRUE(http::parse_request(text, {}, head)) << text;
    const PresentedKey found = find_presented_key(head, nullptr, KeySearch::everywhere);
    EXPECT_EQ(found.stray, row.where) << text;
    EXPECT_EQ(found.presented, !row.where.empty() || !found.text.empty()) << text;
    EXPECT_EQ(find_presented_key(head, nullptr, KeySearch::usual_places).stray, "") << text;
  }
}

TEST(PresentedKey, LeavesTheQuery) {
  for (const auto& [target, left] : std::vector<std::pair<std::string, std::string>>{
           {"/x?key=" + kKey, "/x"},
           {"/x?a=b&API_KEY=" + kKey + "&c=%2F", "/x?a=b&c=%2F"},
           {"/x?a=fb%2D" + kKey.substr(3) + "&&b", "/x?&b"},
           {"/x?a=b&key=AIza", "/x?a=b&key=AIza"},
           {"/x", "/x"}}) {
    std::string text = target;
    drop_virtual_keys(text);
    EXPECT_EQ(text, left) << target;
  }
}

std::string sent(const std::string& fields, const std::vector<std::string>& keys = {},
                 std::string_view virtual_key = {}) {
  const auto provider = testing::make_provider("p", DialectName::openai, "https://api.test", keys);
  const std::string text = "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  http::RequestHead head;
  EXPECT_TRUE(http::parse_request(text, {}, head)) << text;
  std::string out;
  write_request_head(out, {head, *provider, "/", {}, testing::first_key(*provider), "", virtual_key});
  return out;
}

TEST(PresentedKey, NoFieldCarriesItToTheProvider) {
  for (const std::string& field :
       {"Authorization: Bearer " + kKey, "x-api-key: " + kKey, "API-Key: " + kKey,
        "x-goog-api-key: " + kKey, "X-Farebox-Key: " + kKey}) {
    EXPECT_EQ(sent(field + "\r\n").find("fb-"), std::string::npos) << field;
    EXPECT_EQ(sent(field + "\r\n", {"sk-own"}).find("fb-"), std::string::npos) << field;
  }
  for (const std::string& field : {"Cookie: k=" + kKey, "X-Copy: " + kKey, "Referer: /?key=" + kKey}) {
    EXPECT_EQ(sent(field + "\r\n", {}, kKey).find("fb-"), std::string::npos) << field;
    EXPECT_NE(sent(field + "\r\n").find("fb-"), std::string::npos) << field;
  }
  const std::string both = "Authorization: Bearer sk-callers\r\nx-api-key: " + kKey + "\r\n";
  EXPECT_NE(sent(both, {}, kKey).find("Authorization: Bearer sk-callers\r\n"), std::string::npos);
}

}  // namespace
}  // namespace farebox
