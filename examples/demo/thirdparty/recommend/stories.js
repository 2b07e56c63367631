export const stories = [
  { title: "Who still mends nets by hand", href: "/story/nets" },
  { title: "The night the fog bell rang", href: "/story/bell" },
  { title: "The ferry comes back", href: "/story/ferry" },
  { title: "A bakery that opens at four", href: "/story/bakery" },
];
