"""asyncio around the pure rings: links, durable records, the wall clock."""
