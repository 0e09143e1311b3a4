/** This file is what the photos APIs remember: sessions, uploads, media items, albums, and URLs of bytes. */

/** Who something belongs to: an app sees only what it made itself, for that account. */
export interface Owner {
  client_id: string
  sub: string
}

/** A Picker session. */
export interface PickerSession extends Owner {
  created_at: number
  expires_at: number
  max_item_count: number
  /** Ids of the picked photos; missing until the person pressed "Done". */
  picked?: string[]
}

/** Bytes that were sent, and wait to become a media item. */
export interface Upload extends Owner {
  mime_type: string
  expires_at: number
}

/** A photo or video that an app created. Its bytes are kept under its id. */
export interface MediaItem extends Owner {
  filename: string
  mime_type: string
  width: number
  height: number
  description: string
  created_at: number
}

/** An album that an app created. */
export interface Album extends Owner {
  title: string
  /** Ids, in order. */
  media_items: string[]
  enrichments: string[]
  cover?: string
}

/** What stands behind a `baseUrl`. */
export interface MediaUrl extends Owner {
  /** Id of a media item, or of one of the person's own photos that was picked. */
  item: string
  /** The bytes of a picked photo need the bearer token; those of an item that the app created do not. */
  api: 'picker' | 'library'
  expires_at: number
}
