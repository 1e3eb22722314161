#include "config/no_proxy.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

struct Row {
  const char* list;
  const char* host;
  std::uint16_t port;
  bool covered;
};

TEST(NoProxy, CoversWhatCurlGoAndPythonAgreeOn) {
  const Row rows[] = {
      {"", "a.example", 443, false},
      {" , ,", "a.example", 443, false},
      {"*", "a.example", 443, true},
      {"*", "10.1.2.3", 80, true},
      {"b.example,*", "a.example", 443, true},
      // A name is itself and everything below it, with a dot in front or without.
      {"a.example", "a.example", 443, true},
      {"a.example", "x.a.example", 443, true},
      {"a.example", "y.x.a.example", 443, true},
      {"a.example", "ba.example", 443, false},
      {"a.example", "a.example.evil", 443, false},
      {"a.example", "example", 443, false},
      {".a.example", "a.example", 443, true},
      {".a.example", "x.a.example", 443, true},
      {".a.example", "ba.example", 443, false},
      {"*.a.example", "x.a.example", 443, true},
      {"*.a.example", "ba.example", 443, false},
      {"A.Example", "a.eXample", 443, true},
      {"a.example.", "a.example", 443, true},
      {"a.example", "a.example.", 443, true},
      {"x, a.example ,y", "a.example", 443, true},
      {"x a.example\ty", "a.example", 443, true},
      {"localhost", "localhost", 80, true},
      // With a port, for that port only.
      {"a.example:8080", "a.example", 8080, true},
      {"a.example:8080", "x.a.example", 8080, true},
      {"a.example:8080", "a.example", 443, false},
      {"*:8080", "a.example", 8080, true},
      {"*:8080", "a.example", 443, false},
      {"a.example:0", "a.example", 443, false},
      {"a.example:x", "a.example", 443, false},
      {"a.example:99999", "a.example", 443, false},
      {":443", "a.example", 443, false},
      // Addresses are compared as addresses.
      {"10.1.2.3", "10.1.2.3", 443, true},
      {"10.1.2.3", "10.1.2.30", 443, false},
      {"10.1.2.3:443", "10.1.2.3", 443, true},
      {"10.1.2.3:443", "10.1.2.3", 80, false},
      {"2.3", "10.1.2.3", 443, false},
      {"::1", "::1", 443, true},
      {"::1", "0:0:0:0:0:0:0:1", 443, true},
      {"[::1]", "::1", 443, true},
      {"[::1]:443", "::1", 443, true},
      {"[::1]:443", "::1", 80, false},
      {"fd00::1", "FD00::1", 443, true},
      {"10.1.2.3", "::ffff:10.1.2.3", 443, true},
      // Networks.
      {"10.0.0.0/8", "10.255.0.1", 443, true},
      {"10.0.0.0/8", "11.0.0.1", 443, false},
      {"10.0.0.0/8", "ten.example", 443, false},
      {"10.1.2.128/25", "10.1.2.200", 443, true},
      {"10.1.2.128/25", "10.1.2.100", 443, false},
      {"10.1.2.3/32", "10.1.2.3", 443, true},
      {"10.1.2.3/32", "10.1.2.2", 443, false},
      {"0.0.0.0/0", "8.8.8.8", 443, true},
      {"0.0.0.0/0", "fd00::1", 443, false},
      {"fd00::/8", "fdff::1", 443, true},
      {"fd00::/8", "fe00::1", 443, false},
      {"10.0.0.0/33", "10.0.0.1", 443, false},
      {"10.0.0.0/x", "10.0.0.1", 443, false},
      {"10.0.0.0/", "10.0.0.1", 443, false},
      {"a.example/8", "a.example", 443, false},
      {"[", "a.example", 443, false},
      {"[]:443", "a.example", 443, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(NoProxyList(row.list).covers(row.host, row.port), row.covered)
        << row.list << " and " << row.host << ":" << row.port;
  }
}

}  // namespace
}  // namespace farebox
