// Programs pass, web pages don't, as a table of what each really sends.
#include "proxy/web_page.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

const std::vector<std::string> kOrigins{"https://app.example.com", "http://farebox.corp.test:4141"};

bool refused(const std::string& method, const std::string& fields,
             std::string_view listen = "127.0.0.1:4141") {
  const std::string text = method + " /v1/models HTTP/1.1\r\n" + fields + "\r\n";
  http::RequestHead head;
  const auto parsed = http::parse_request(text, {}, head);
  EXPECT_TRUE(parsed) << text;
  return is_from_foreign_page(head, {kOrigins, listen});
}

struct Row {
  const char* what;
  const char* method;
  std::string fields;
  bool refused;
};

const std::string kLocal = "Host: 127.0.0.1:4141\r\n";
const std::string kRebound = "Host: evil.example:4141\r\n";
const std::string kChrome =
    "User-Agent: Mozilla/5.0 (X11) Chrome/131.0\r\nAccept-Language: en-US,en;q=0.9\r\n";

TEST(WebPage, IsToldFromAProgram) {
  const Row rows[] = {
      {"curl", "GET", kLocal + "User-Agent: curl/7.88.1\r\nAccept: */*\r\n", false},
      {"curl by another name", "GET", kRebound + "User-Agent: curl/7.88.1\r\n", false},
      {"no user agent", "POST", "Host: a.test\r\n", false},
      {"an SDK by a service name", "POST", "Host: farebox.ns.svc.cluster.local\r\n"
       "User-Agent: OpenAI/Python 1.55\r\nAccept: application/json\r\n", false},
      // Node's fetch, which the OpenAI and Anthropic SDKs use.
      {"undici", "GET", "Host: farebox.ns.svc.cluster.local\r\naccept-language: *\r\n"
       "sec-fetch-mode: cors\r\nuser-agent: OpenAI/JS 4.73\r\n", false},
      {"a scraper's user agent on a POST", "POST",
       "Host: gateway.corp.test\r\nUser-Agent: Mozilla/5.0\r\n", false},
      {"a browser typed into", "GET", kLocal + kChrome + "Sec-Fetch-Site: none\r\n", false},
      {"a browser by localhost", "GET", "Host: localhost:4141\r\n" + kChrome, false},
      {"a browser by a service of one label", "GET", "Host: farebox:4141\r\n" + kChrome, false},
      {"a browser by IPv6", "GET", "Host: [::1]:4141\r\n" + kChrome, false},
      {"a listed page", "POST", kLocal + kChrome + "Origin: https://app.example.com\r\n"
       "Sec-Fetch-Site: cross-site\r\n", false},
      {"a listed host", "GET", "Host: farebox.corp.test:4141\r\n" + kChrome, false},

      {"a page's POST", "POST", kLocal + kChrome + "Origin: https://evil.example\r\n", true},
      {"a sandboxed page", "POST", kLocal + "Origin: null\r\n", true},
      {"a listed origin beside another", "POST", kLocal + "Origin: https://app.example.com\r\n"
       "Origin: https://evil.example\r\n", true},
      {"a preflight", "OPTIONS", kLocal + "Origin: https://evil.example\r\n", true},
      {"an image of a page", "GET", kLocal + kChrome + "Sec-Fetch-Site: cross-site\r\n", true},
      {"another port of this host", "GET", kLocal + kChrome + "Sec-Fetch-Site: same-site\r\n", true},
      {"a rebound page's POST", "POST", kRebound + "Origin: http://evil.example:4141\r\n", true},
      {"a rebound page's GET", "GET", kRebound + kChrome, true},
      {"a rebound page's HEAD", "HEAD", kRebound + kChrome, true},
      {"a rebound page that hides its name", "GET",
       kRebound + "User-Agent: x\r\nAccept-Language: de\r\n", true},
      {"a rebound page over HTTPS", "GET", kRebound + "Sec-Fetch-Site: same-origin\r\n", true},
      {"an address as a part of a name", "GET", "Host: 127.0.0.1.evil.example\r\n" + kChrome, true},
      {"localhost as a part of a name", "GET", "Host: localhost.evil.example\r\n" + kChrome, true},
      {"a name that ends like localhost", "GET", "Host: x.evillocalhost\r\n" + kChrome, true},
  };
  for (const Row& row : rows) EXPECT_EQ(refused(row.method, row.fields), row.refused) << row.what;
}

TEST(WebPage, MayUseTheNameThatFareboxListensOn) {
  const std::string fields = "Host: box.corp.test:4141\r\n" + kChrome;
  EXPECT_FALSE(refused("GET", fields, "box.corp.test:4141"));
  EXPECT_TRUE(refused("GET", fields, "0.0.0.0:4141"));
}

}  // namespace
}  // namespace farebox
