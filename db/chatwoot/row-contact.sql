-- What a conversation shows of its contact, `c.contact_id`. Old releases have no `identifier`: then its name means the one of `absent`.
select
  true as has_contact,
  name::text as contact_name,
  nullif(email, '')::text as contact_email,
  nullif(phone_number, '')::text as contact_phone,
  nullif(identifier, '')::text as contact_identifier,
  custom_attributes as contact_custom_attributes,
  coalesce(nullif(additional_attributes ->> 'city', ''), nullif(location, ''))::text as contact_city,
  -- Chatwoot keeps the name of the country in the column for its code.
  coalesce(nullif(additional_attributes ->> 'country', ''), nullif(country_code, ''))::text as contact_country,
  nullif(additional_attributes ->> 'country_code', '')::text as contact_country_code,
  coalesce(
    case when company_id is not null then (select name from companies where id = contacts.company_id) end,
    nullif(additional_attributes ->> 'company_name', '')
  )::text as contact_company,
  blocked as contact_blocked,
  case when contact_type between -32768 and 32767 then contact_type::smallint end as contact_type,
  array_remove(
    array[
      case when email = '' then 'contact_email' end,
      case when phone_number = '' then 'contact_phone' end,
      case when identifier = '' then 'contact_identifier' end
    ],
    null
  ) as empty_texts
from contacts
where id = c.contact_id
