-- The labels of the conversation `c`, as an array of texts.
coalesce(
  nullif(
    array(
      select tags.name::text
      from taggings
      join tags on tags.id = taggings.tag_id
      where taggings.taggable_id = c.id
        and taggings.taggable_type = 'Conversation'
        and taggings.context = 'labels'
      order by taggings.id
    ),
    '{}'
  ),
  string_to_array(c.cached_label_list, ', '),
  '{}'
)
